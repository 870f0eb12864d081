// A provider against a broker that breaks watches and loses answers, with unary calls and in
// sessions: each offer gets one answer, and no capacity is given twice.
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "broker/values/text.h"
#include "capbroker/v1/session_service.grpc.pb.h"
#include "services/workload/desk.h"

namespace capbroker {
namespace {

constexpr char kPrefix[] = "owners/openai/capacityRequests/r/offers/";

// A refusal as the broker makes it, with its reason and when to retry.
grpc::Status Refusal(grpc::StatusCode code, const char* reason) {
  google::rpc::Status details;
  details.set_code(code);
  details.set_message("no");
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  details.add_details()->PackFrom(info);
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(1'000'000);
  details.add_details()->PackFrom(retry);
  return grpc::Status(code, "no", details.SerializeAsString());
}

// Shows the offers that have no answer yet; the first `breaks` watches or sessions end right after
// that.
class FakeBroker final : public v1::OfferService::Service, public v1::SessionService::Service {
 public:
  FakeBroker(int offers, int64_t quantity, int64_t min_quantity) {
    for (int i = 1; i <= offers; ++i) {
      v1::Offer& offer = offers_[Cat(kPrefix, i)];
      offer.set_name(Cat(kPrefix, i));
      offer.set_state(v1::Offer::STATE_OPEN);
      offer.set_quantity(quantity);
      offer.set_min_quantity(min_quantity);
      offer.mutable_terms()->mutable_end_time()->set_seconds(4'000'000'000);
    }
  }
  int breaks = 0;
  bool show_answered = false;  // As if the snapshot were old.
  int lost_answers = 0;        // The next so many answers are recorded and reported as UNAVAILABLE.
  int overloads = 0;           // The next so many answers are refused.
  grpc::StatusCode refusal = grpc::StatusCode::OK;

  std::map<std::string, std::set<std::string>> keys;  // Request ids of the answers, by offer.
  std::map<std::string, int> calls;
  int watches = 0;
  // What ListOffers returns, a page each; the first `lost_lists` calls are UNAVAILABLE.
  std::vector<std::vector<v1::Offer>> placed;
  int lost_lists = 0;
  // Sent on each watch after the snapshot.
  std::vector<v1::Offer> news;
  int sessions = 0;  // Sessions that were opened.
  // The state of the allocation in replies.
  v1::Allocation::State came_of_it = v1::Allocation::STATE_CONFIRMED;
  bool is_deaf = false;  // No command gets a reply before the end.
  int unread = 0;        // The next so many commands of a session are read, and get no reply.

  bool breaks_when_told = false;  // Watches that break wait for Break.

  void End() {
    absl::MutexLock lock(&mutex_);
    over_ = broken_ = true;
  }
  void Break(std::vector<std::vector<v1::Offer>> placed_then) {
    absl::MutexLock lock(&mutex_);
    placed = std::move(placed_then);
    broken_ = true;
  }

 private:
  // The snapshot and what follows it; returns whether this watch stays.
  template <class Response, class Out>
  bool Tell(Out* out) {
    Response state;
    bool last = false;
    {
      absl::MutexLock lock(&mutex_);
      last = ++watches > breaks;
      for (const auto& [name, offer] : offers_) {
        if (show_answered || keys[name].empty()) *state.add_offers() = offer;
      }
    }
    state.set_synced(true);
    out->Write(state);
    for (const v1::Offer& offer : news) {
      Response change;
      *change.add_offers() = offer;
      out->Write(change);
    }
    return last;
  }
  grpc::Status WatchOffers(grpc::ServerContext*, const v1::WatchOffersRequest*,
                           grpc::ServerWriter<v1::WatchOffersResponse>* out) override {
    const bool last = Tell<v1::WatchOffersResponse>(out);
    absl::MutexLock lock(&mutex_);
    if (!last) {
      if (breaks_when_told) mutex_.Await(absl::Condition(&broken_));
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone");
    }
    mutex_.Await(absl::Condition(&over_));
    return grpc::Status::OK;
  }
  using ProviderStream =
      grpc::ServerReaderWriter<v1::ProviderSessionResponse, v1::ProviderSessionRequest>;
  grpc::Status ProviderSession(grpc::ServerContext*, ProviderStream* stream) override {
    v1::ProviderSessionRequest in;
    if (!stream->Read(&in) || in.parent() != "providers/azure") {
      return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no parent");
    }
    {
      absl::MutexLock lock(&mutex_);
      ++sessions;
    }
    if (!Tell<v1::ProviderSessionResponse>(stream)) {
      absl::MutexLock lock(&mutex_);
      if (breaks_when_told) mutex_.Await(absl::Condition(&broken_));
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone");
    }
    if (is_deaf) {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(&over_));
    }
    int64_t number = 0;
    do {
      v1::ProviderSessionResponse out;
      for (const v1::ProviderCommand& command : in.commands()) Reply(command, ++number, out);
      // Replies keep no order.
      std::reverse(out.mutable_replies()->begin(), out.mutable_replies()->end());
      if (out.replies_size() > 0) stream->Write(out);
    } while (stream->Read(&in));
    return grpc::Status::OK;
  }
  void Reply(const v1::ProviderCommand& command, int64_t number, v1::ProviderSessionResponse& out) {
    {
      absl::MutexLock lock(&mutex_);
      if (unread-- > 0) return;
    }
    v1::Offer offer;
    const grpc::Status status =
        command.has_accept() ? Answer(command.accept().name(), command.accept().request_id(),
                                      v1::Offer::STATE_ACCEPTED, &offer)
                             : Answer(command.decline().name(), command.decline().request_id(),
                                      v1::Offer::STATE_DECLINED, &offer);
    v1::ProviderReply& reply = *out.add_replies();
    reply.set_command(number);
    if (!status.ok()) {
      reply.mutable_error()->ParseFromString(status.error_details());
      return;
    }
    reply.set_state(offer.state());
    if (!command.has_accept()) return;
    reply.set_accepted_quantity(command.accept().quantity() > 0 ? command.accept().quantity()
                                                                : offer.quantity());
    reply.set_allocation_state(came_of_it);
  }
  grpc::Status ListOffers(grpc::ServerContext*, const v1::ListOffersRequest* in,
                          v1::ListOffersResponse* out) override {
    absl::MutexLock lock(&mutex_);
    if (lost_lists-- > 0) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "later");
    const size_t page = in->page_token().size();
    if (page < placed.size())
      out->mutable_offers()->Assign(placed[page].begin(), placed[page].end());
    if (page + 1 < placed.size()) out->set_next_page_token(std::string(page + 1, 'x'));
    return grpc::Status::OK;
  }
  grpc::Status Answer(const std::string& name, const std::string& key, v1::Offer::State state,
                      v1::Offer* out) {
    absl::MutexLock lock(&mutex_);
    if (is_deaf) mutex_.Await(absl::Condition(&over_));
    ++calls[name];
    if (refusal != grpc::StatusCode::OK) return Refusal(refusal, "LATE_ANSWER");
    if (overloads-- > 0) return Refusal(grpc::StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED");
    keys[name].insert(key);
    if (lost_answers-- > 0) return Refusal(grpc::StatusCode::UNAVAILABLE, "LEDGER_UNAVAILABLE");
    *out = offers_[name];
    out->set_state(state);
    return grpc::Status::OK;
  }
  grpc::Status AcceptOffer(grpc::ServerContext*, const v1::AcceptOfferRequest* in,
                           v1::Offer* out) override {
    return Answer(in->name(), in->request_id(), v1::Offer::STATE_ACCEPTED, out);
  }
  grpc::Status DeclineOffer(grpc::ServerContext*, const v1::DeclineOfferRequest* in,
                            v1::Offer* out) override {
    return Answer(in->name(), in->request_id(), v1::Offer::STATE_DECLINED, out);
  }

  absl::Mutex mutex_;
  bool over_ = false, broken_ = false;
  std::map<std::string, v1::Offer> offers_;
};

class DeskAgainstBroker {
 public:
  DeskAgainstBroker(FakeBroker& broker, bool session, const char* always,
                    std::map<std::string, int64_t> stock, bool count_standing = false,
                    Span deadline = Seconds(30))
      : broker_(broker) {
    grpc::ServerBuilder builder;
    builder.RegisterService(static_cast<v1::OfferService::Service*>(&broker));
    builder.RegisterService(static_cast<v1::SessionService::Service*>(&broker));
    server_ = builder.BuildAndStart();
    DeskOptions options{.provider = "azure",
                        .client = {.deadline = deadline},
                        .session = session,
                        .script = *ParseAlways(always),
                        .inventory = Inventory(stock),
                        .count_standing = count_standing};
    desk_ =
        std::make_unique<Desk>(loop_, server_->InProcessChannel({}), std::move(options), nullptr);
    desk_->on_event = [this](const DeskEvent&) {
      ++events_;
      StopIfOver();
    };
  }
  ~DeskAgainstBroker() {
    broker_.End();
    server_->Shutdown();
  }
  // Runs until so many answers were given and so many watches opened, and so much was given back.
  void RunUntil(int events, int watches, int64_t returned = 0) {
    wanted_events_ = events;
    wanted_watches_ = watches;
    wanted_returned_ = returned;
    loop_.PostAfter(Seconds(60), [this] {
      ADD_FAILURE() << "still waiting: " << events_ << " events";
      Stop();
    });
    desk_->Start([] {});
    Look();
    loop_.Run();
  }
  Desk& desk() { return *desk_; }
  std::function<void()> on_look = [] {};  // Called now and then, on the event loop.
  void Stop() {
    desk_->Stop();
    if (!broker_.is_deaf) broker_.End();
    loop_.Stop();
  }

 private:
  void Look() {
    on_look();
    StopIfOver();
    loop_.PostAfter(Span{5'000}, [this] { Look(); });
  }
  void StopIfOver() {
    if (events_ >= wanted_events_ && desk_->totals().resumed + 1 >= wanted_watches_ &&
        desk_->totals().returned >= wanted_returned_) {
      Stop();
    }
  }

  FakeBroker& broker_;
  EventLoop loop_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Desk> desk_;
  int events_ = 0, wanted_events_ = 0;
  int64_t wanted_watches_ = 0, wanted_returned_ = 0;
};

// The parameter says whether in a session.
class DeskTest : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(ByCalls, DeskTest, ::testing::Values(false));
INSTANTIATE_TEST_SUITE_P(InASession, DeskTest, ::testing::Values(true));

TEST_P(DeskTest, AnswersOnceAcrossBrokenWatches) {
  FakeBroker broker(5, 100, 0);
  broker.breaks = 3;
  broker.show_answered = true;
  DeskAgainstBroker run(broker, GetParam(), "accept", {{"A", 350}});
  run.RunUntil(5, 4);
  for (const auto& [name, calls] : broker.calls) EXPECT_EQ(calls, 1) << name;
  EXPECT_EQ(broker.calls.size(), 5u);
  EXPECT_EQ(run.desk().totals().accepted, 3);
  EXPECT_EQ(run.desk().totals().declined, 2);  // NO_CAPACITY: 350 are three times 100.
  EXPECT_EQ(run.desk().inventory()->InUse(), 300);
  EXPECT_GE(run.desk().totals().resumed, 3);
  EXPECT_EQ(broker.sessions, GetParam() ? broker.watches : 0);
}

TEST_P(DeskTest, RepeatsALostAnswerUnderTheSameKey) {
  FakeBroker broker(2, 100, 0);
  broker.lost_answers = 3;
  DeskAgainstBroker run(broker, GetParam(), "accept", {{"A", 1000}});
  run.RunUntil(2, 1);
  int calls = 0;
  for (const auto& [name, keys] : broker.keys) {
    EXPECT_EQ(keys.size(), 1u) << name;
    calls += broker.calls[name];
  }
  EXPECT_EQ(calls, 5);
  EXPECT_EQ(run.desk().totals().repeats, 3);
  EXPECT_EQ(run.desk().totals().accepted, 2);
  EXPECT_EQ(run.desk().inventory()->InUse(), 200);
  EXPECT_TRUE(run.desk().totals().errors.empty());
}

TEST_P(DeskTest, RepeatsWhatAnOverloadedBrokerRefuses) {
  FakeBroker broker(4, 100, 0);
  broker.overloads = 3;
  DeskAgainstBroker run(broker, GetParam(), "decline", {{"A", 1000}});
  run.RunUntil(4, 1);
  EXPECT_EQ(run.desk().totals().repeats, 3);
  EXPECT_EQ(run.desk().totals().declined, 4);
  EXPECT_TRUE(run.desk().totals().errors.empty());
}

TEST_P(DeskTest, TakesBackWhatTheBrokerRefuses) {
  FakeBroker broker(3, 100, 0);
  broker.refusal = grpc::StatusCode::FAILED_PRECONDITION;
  DeskAgainstBroker run(broker, GetParam(), "accept", {{"A", 1000}});
  run.RunUntil(3, 1);
  EXPECT_EQ(run.desk().inventory()->InUse(), 0);
  EXPECT_EQ(run.desk().totals().errors,
            (std::map<std::string, int64_t>{{"FAILED_PRECONDITION LATE_ANSWER", 3}}));
}

TEST_P(DeskTest, GivesBackOnce) {
  FakeBroker broker(2, 100, 10);
  DeskAgainstBroker run(broker, GetParam(), "partial:30%", {{"A", 1000}});
  run.RunUntil(2, 1);
  EXPECT_EQ(run.desk().totals().partial, 2);
  EXPECT_EQ(run.desk().inventory()->InUse(), 60);
  run.desk().ReleaseInventory(Cat(kPrefix, 1));
  run.desk().ReleaseInventory(Cat(kPrefix, 1));
  run.desk().ReleaseInventory(Cat(kPrefix, 9));
  EXPECT_EQ(run.desk().inventory()->InUse(), 30);
  EXPECT_EQ(run.desk().totals().returned, 30);
}

// Offer `number` after it was taken.
v1::Offer Taken(int number, int64_t quantity, v1::Allocation::State state) {
  v1::Offer offer;
  offer.set_name(Cat(kPrefix, number));
  offer.set_state(v1::Offer::STATE_PARTIALLY_ACCEPTED);
  offer.set_accepted_quantity(quantity);
  offer.set_allocation_state(state);
  offer.mutable_terms()->mutable_end_time()->set_seconds(4'000'000'000);
  return offer;
}

TEST_P(DeskTest, TheWatchGivesBackWhatTheOwnerDoes) {
  FakeBroker broker(0, 0, 0);
  for (const auto state : {v1::Allocation::STATE_RELEASED, v1::Allocation::STATE_WITHDRAWN,
                           v1::Allocation::STATE_EXPIRED, v1::Allocation::STATE_COMPLETED}) {
    const int number = static_cast<int>(broker.news.size());
    broker.news.push_back(Taken(number, 100, v1::Allocation::STATE_HELD));
    broker.news.push_back(Taken(number, 100, v1::Allocation::STATE_CONFIRMED));
    broker.news.push_back(Taken(number, 100, state));
  }
  broker.news.push_back(Taken(99, 50, v1::Allocation::STATE_CONFIRMED));
  broker.news.push_back(Taken(98, 1, v1::Allocation::STATE_CONFIRMED));
  broker.news.push_back(Taken(98, 1, v1::Allocation::STATE_RELEASED));
  DeskAgainstBroker run(broker, GetParam(), "accept", {{"A", 1000}}, true);
  run.RunUntil(0, 1, 401);
  EXPECT_EQ(run.desk().totals().returned, 401);
  EXPECT_EQ(run.desk().inventory()->InUse(), 50);
  EXPECT_EQ(run.desk().inventory()->PeakInUse(), 100);
}

// What stood before is counted before the first offer is answered.
TEST_P(DeskTest, ARestartedDeskCountsWhatStands) {
  FakeBroker broker(1, 100, 10);
  v1::Offer over = Taken(12, 1000, v1::Allocation::STATE_CONFIRMED);
  over.mutable_terms()->mutable_end_time()->set_seconds(1);
  broker.lost_lists = 1;
  broker.placed = {{Taken(10, 500, v1::Allocation::STATE_CONFIRMED), over},
                   {Taken(11, 430, v1::Allocation::STATE_HELD),
                    Taken(13, 1000, v1::Allocation::STATE_RELEASED)}};
  DeskAgainstBroker run(broker, GetParam(), "accept", {{"A", 1000}}, true);
  run.RunUntil(1, 1);
  EXPECT_EQ(run.desk().totals().standing, 930);
  EXPECT_EQ(run.desk().totals().partial, 1);
  EXPECT_EQ(run.desk().totals().quantity, 70);
  EXPECT_EQ(run.desk().inventory()->InUse(), 1000);
}

// A release during a break of the watch shows in what is read after it; an allocation that still
// stands is not counted twice.
TEST_P(DeskTest, ABreakHidesNoRelease) {
  FakeBroker broker(0, 0, 0);
  broker.breaks = 1;
  broker.breaks_when_told = true;
  const v1::Offer stays = Taken(10, 500, v1::Allocation::STATE_CONFIRMED);
  broker.placed = {{stays, Taken(11, 400, v1::Allocation::STATE_CONFIRMED)}};
  DeskAgainstBroker run(broker, GetParam(), "accept", {{"A", 1000}}, true);
  run.on_look = [&] {
    if (run.desk().totals().standing < 900) return;
    broker.Break({{stays, Taken(11, 400, v1::Allocation::STATE_RELEASED)}});
  };
  run.RunUntil(0, 2, 400);
  EXPECT_EQ(run.desk().totals().returned, 400);
  EXPECT_EQ(run.desk().totals().standing, 900);
  EXPECT_EQ(run.desk().inventory()->InUse(), 500);
}

// In unary calls gRPC itself retries.
TEST(DeskInASession, SendsAgainWhatGetsNoReplyInTime) {
  FakeBroker broker(3, 100, 0);
  broker.unread = 2;
  DeskAgainstBroker run(broker, true, "accept", {{"A", 1000}}, false, Span{50'000});
  run.RunUntil(3, 1);
  EXPECT_GE(run.desk().totals().repeats, 2);
  EXPECT_EQ(run.desk().totals().accepted, 3);
  EXPECT_EQ(run.desk().inventory()->InUse(), 300);
  EXPECT_TRUE(run.desk().totals().errors.empty());
  for (const auto& [name, keys] : broker.keys) EXPECT_EQ(keys.size(), 1u) << name;
}

// No change is sent of what the reply tells; a command that is repeated late may get an allocation
// that is no more.
TEST(DeskInASession, KeepsAccountOfWhatAReplyTells) {
  FakeBroker broker(2, 100, 0);
  broker.came_of_it = v1::Allocation::STATE_RELEASED;
  DeskAgainstBroker run(broker, true, "accept", {{"A", 1000}});
  run.RunUntil(2, 1, 200);
  EXPECT_EQ(run.desk().totals().accepted, 2);
  EXPECT_EQ(run.desk().inventory()->InUse(), 0);
}

// A provider that stops waits for replies to what it has sent, but not forever; then what it took
// stays taken.
TEST_P(DeskTest, StopsThoughNobodyAnswers) {
  FakeBroker broker(1, 100, 0);
  broker.is_deaf = true;
  DeskAgainstBroker run(broker, GetParam(), "accept", {{"A", 1000}}, false, Span{50'000});
  run.on_look = [&] {
    if (run.desk().totals().offers == 1) run.Stop();
  };
  run.RunUntil(1, 1);
  EXPECT_EQ(run.desk().totals().errors,
            (std::map<std::string, int64_t>{{GetParam() ? "CANCELLED" : "DEADLINE_EXCEEDED", 1}}));
  EXPECT_EQ(run.desk().inventory()->InUse(), 100);
}

// More than a message may hold.
TEST_P(DeskTest, AnswersManyAtOnce) {
  FakeBroker broker(2500, 100, 0);
  DeskAgainstBroker run(broker, GetParam(), "accept", {{"A", 100'000}});
  run.RunUntil(2500, 1);
  EXPECT_EQ(run.desk().totals().offers, 2500);
  EXPECT_EQ(run.desk().totals().accepted, 1000);
  EXPECT_EQ(run.desk().totals().declined, 1500);
  EXPECT_EQ(run.desk().inventory()->InUse(), 100'000);
}

TEST_P(DeskTest, SilenceSendsNothing) {
  FakeBroker broker(2, 100, 0);
  DeskAgainstBroker run(broker, GetParam(), "silent", {{"A", 1000}});
  run.RunUntil(2, 1);
  EXPECT_EQ(run.desk().totals().silent, 2);
  EXPECT_TRUE(broker.calls.empty());
}

}  // namespace
}  // namespace capbroker
