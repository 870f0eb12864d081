// A desk against a broker that breaks watches and loses answers: each offer gets one answer, and nothing is
// given twice.
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "broker/text.h"
#include "services/cli/desk.h"

namespace capbroker {
namespace {

constexpr char kPrefix[] = "owners/openai/capacityRequests/r/offers/";

// Shows the offers that have no answer yet; the first `breaks` watches end right after that.
class FakeBroker final : public v1::OfferService::Service {
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
  bool show_answered = false;  // As if the present state were old.
  int lost_answers = 0;        // The next so many answers are recorded, and said to be UNAVAILABLE.
  grpc::StatusCode refusal = grpc::StatusCode::OK;

  std::map<std::string, std::set<std::string>> keys;  // By offer: the request ids it was answered with.
  std::map<std::string, int> calls;
  int watches = 0;

  void End() {
    absl::MutexLock lock(&mutex_);
    over_ = true;
  }

 private:
  grpc::Status WatchOffers(grpc::ServerContext*, const v1::WatchOffersRequest*,
                           grpc::ServerWriter<v1::WatchOffersResponse>* out) override {
    v1::WatchOffersResponse state;
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
    if (!last) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone");
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&over_));
    return grpc::Status::OK;
  }
  grpc::Status Answer(const std::string& name, const std::string& key, v1::Offer::State state,
                      v1::Offer* out) {
    absl::MutexLock lock(&mutex_);
    ++calls[name];
    if (refusal != grpc::StatusCode::OK) return grpc::Status(refusal, "no");
    keys[name].insert(key);
    if (lost_answers-- > 0) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "lost");
    *out = offers_[name];
    out->set_state(state);
    return grpc::Status::OK;
  }
  grpc::Status AcceptOffer(grpc::ServerContext*, const v1::AcceptOfferRequest* in, v1::Offer* out) override {
    return Answer(in->name(), in->request_id(), v1::Offer::STATE_ACCEPTED, out);
  }
  grpc::Status DeclineOffer(grpc::ServerContext*, const v1::DeclineOfferRequest* in,
                            v1::Offer* out) override {
    return Answer(in->name(), in->request_id(), v1::Offer::STATE_DECLINED, out);
  }

  absl::Mutex mutex_;
  bool over_ = false;
  std::map<std::string, v1::Offer> offers_;
};

class DeskAgainstBroker {
 public:
  DeskAgainstBroker(FakeBroker& broker, const char* always, std::map<std::string, int64_t> stock)
      : broker_(broker) {
    grpc::ServerBuilder builder;
    builder.RegisterService(&broker);
    server_ = builder.BuildAndStart();
    DeskOptions options{
        .provider = "azure", .client = {}, .script = *ParseAlways(always), .inventory = Inventory(stock)};
    desk_ = std::make_unique<Desk>(loop_, server_->InProcessChannel({}), std::move(options), nullptr);
    desk_->on_event = [this](const DeskEvent&) {
      ++events_;
      StopIfOver();
    };
  }
  ~DeskAgainstBroker() {
    broker_.End();
    server_->Shutdown();
  }
  // Until so many answers have been given and so many watches opened.
  void RunUntil(int events, int watches) {
    wanted_events_ = events;
    wanted_watches_ = watches;
    loop_.PostAfter(Seconds(60), [this] {
      ADD_FAILURE() << "still waiting: " << events_ << " events";
      Stop();
    });
    desk_->Start([] {});
    Look();
    loop_.Run();
  }
  Desk& desk() { return *desk_; }

 private:
  void Look() {
    StopIfOver();
    loop_.PostAfter(Span{5'000}, [this] { Look(); });
  }
  void StopIfOver() {
    if (events_ >= wanted_events_ && desk_->totals().resumed + 1 >= wanted_watches_) Stop();
  }
  void Stop() {
    desk_->Stop();
    broker_.End();
    loop_.Stop();
  }

  FakeBroker& broker_;
  Loop loop_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Desk> desk_;
  int events_ = 0, wanted_events_ = 0;
  int64_t wanted_watches_ = 0;
};

TEST(Desk, AnswersOnceAcrossBrokenWatches) {
  FakeBroker broker(5, 100, 0);
  broker.breaks = 3;
  broker.show_answered = true;
  DeskAgainstBroker run(broker, "accept", {{"A", 350}});
  run.RunUntil(5, 4);
  for (const auto& [name, calls] : broker.calls) EXPECT_EQ(calls, 1) << name;
  EXPECT_EQ(broker.calls.size(), 5u);
  EXPECT_EQ(run.desk().totals().accepted, 3);
  EXPECT_EQ(run.desk().totals().declined, 2);  // NO_CAPACITY: 350 are three times 100.
  EXPECT_EQ(run.desk().inventory()->InUse(), 300);
  EXPECT_GE(run.desk().totals().resumed, 3);
}

TEST(Desk, RepeatsALostAnswerUnderTheSameKey) {
  FakeBroker broker(2, 100, 0);
  broker.lost_answers = 3;
  DeskAgainstBroker run(broker, "accept", {{"A", 1000}});
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

TEST(Desk, TakesBackWhatTheBrokerRefuses) {
  FakeBroker broker(3, 100, 0);
  broker.refusal = grpc::StatusCode::FAILED_PRECONDITION;
  DeskAgainstBroker run(broker, "accept", {{"A", 1000}});
  run.RunUntil(3, 1);
  EXPECT_EQ(run.desk().inventory()->InUse(), 0);
  EXPECT_EQ(run.desk().totals().errors, (std::map<std::string, int64_t>{{"FAILED_PRECONDITION", 3}}));
}

TEST(Desk, GivesBackOnce) {
  FakeBroker broker(2, 100, 10);
  DeskAgainstBroker run(broker, "partial:30%", {{"A", 1000}});
  run.RunUntil(2, 1);
  EXPECT_EQ(run.desk().totals().partial, 2);
  EXPECT_EQ(run.desk().inventory()->InUse(), 60);
  run.desk().GiveBack(Cat(kPrefix, 1));
  run.desk().GiveBack(Cat(kPrefix, 1));
  run.desk().GiveBack(Cat(kPrefix, 9));
  EXPECT_EQ(run.desk().inventory()->InUse(), 30);
  EXPECT_EQ(run.desk().totals().returned, 30);
}

TEST(Desk, SilenceSendsNothing) {
  FakeBroker broker(2, 100, 0);
  DeskAgainstBroker run(broker, "silent", {{"A", 1000}});
  run.RunUntil(2, 1);
  EXPECT_EQ(run.desk().totals().silent, 2);
  EXPECT_TRUE(broker.calls.empty());
}

}  // namespace
}  // namespace capbroker
