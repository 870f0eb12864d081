// Sessions: commands up, replies and news down, as strict as the calls of their own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "capbroker/v1/session_service.grpc.pb.h"
#include "tests/services/rpc/rpc_fixture.h"

namespace capbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// One side of one session, and what came down that was not asked for yet.
template <class In, class Out, class Command, class Reply>
struct SessionOf {
  std::unique_ptr<grpc::ClientContext> context;
  std::unique_ptr<grpc::ClientReaderWriter<In, Out>> stream;
  std::map<int64_t, Reply> replies;
  std::vector<std::string> news;  // "name STATE", in the order they came.
  bool synced = false;
  int messages = 0;

  bool Say(const std::string& parent, const std::vector<Command>& commands = {}) {
    In in;
    in.set_parent(parent);
    for (const Command& command : commands) *in.add_commands() = command;
    return stream->Write(in);
  }
  // The next message; false at the end.
  bool Hear() {
    Out out;
    if (!stream->Read(&out)) return false;
    messages++;
    synced |= out.synced();
    for (const auto& reply : out.replies()) {
      EXPECT_TRUE(replies.emplace(reply.command(), reply).second) << "replied to twice";
    }
    if constexpr (requires { out.offers(); }) {
      for (const auto& offer : out.offers()) {
        news.push_back(offer.name() + " " + v1::Offer::State_Name(offer.state()));
      }
    } else {
      for (const auto& request : out.capacity_requests()) {
        news.push_back(request.name() + " " + v1::CapacityRequest::State_Name(request.state()));
      }
    }
    return true;
  }
  void Sync() {
    while (!synced && Hear()) {
    }
    EXPECT_TRUE(synced);
  }
  // Once it is there.
  Reply ReplyTo(int64_t command) {
    while (!replies.contains(command) && Hear()) {
    }
    EXPECT_TRUE(replies.contains(command)) << "no reply to " << command;
    return replies[command];
  }
  // Once there are some; taken out.
  std::vector<std::string> News() {
    while (news.empty() && Hear()) {
    }
    return std::exchange(news, {});
  }
  grpc::Status End() {
    while (Hear()) {
    }
    return stream->Finish();
  }
};

using OwnerEnd =
    SessionOf<v1::OwnerSessionRequest, v1::OwnerSessionResponse, v1::OwnerCommand, v1::OwnerReply>;
using DeskEnd = SessionOf<v1::ProviderSessionRequest, v1::ProviderSessionResponse,
                          v1::ProviderCommand, v1::ProviderReply>;

// A reply's error as the call of its own would have ended.
template <class Reply>
grpc::Status StatusIn(const Reply& reply) {
  return grpc::Status(static_cast<grpc::StatusCode>(reply.error().code()), reply.error().message(),
                      reply.error().SerializeAsString());
}

class SessionTest : public RpcTest {
 protected:
  static constexpr char kOwner[] = "owners/openai", kDesk[] = "providers/azure";

  void SetUp() override {
    RpcTest::SetUp();
    sessions_ = v1::SessionService::NewStub(channel_);
    RegisterProviders({"azure", "coreweave"});
    RecordAgreement();
  }

  OwnerEnd Owner(const std::string& who = "owner/openai") {
    OwnerEnd end;
    end.context = As(who);
    end.stream = sessions_->OwnerSession(end.context.get());
    return end;
  }
  DeskEnd Desk(const std::string& who = "provider/azure") {
    DeskEnd end;
    end.context = As(who);
    end.stream = sessions_->ProviderSession(end.context.get());
    return end;
  }

  v1::OwnerCommand CreateCommand() {
    v1::OwnerCommand command;
    *command.mutable_create() = GoodCreate();
    command.mutable_create()->clear_parent();
    command.mutable_create()->set_request_id(NewKey());
    return command;
  }
  v1::OwnerCommand CancelCommand(const std::string& name) {
    v1::OwnerCommand command;
    command.mutable_cancel()->set_name(name);
    command.mutable_cancel()->set_request_id(NewKey());
    return command;
  }
  v1::ProviderCommand DeclineCommand(const std::string& offer) {
    v1::ProviderCommand command;
    *command.mutable_decline() = GoodDecline();
    command.mutable_decline()->mutable_decline()->clear_cool_down();
    command.mutable_decline()->set_name(offer);
    command.mutable_decline()->set_request_id(NewKey());
    return command;
  }
  v1::Offer OfferNamed(const std::string& name) {
    v1::GetOfferRequest get;
    get.set_name(name);
    v1::Offer out;
    EXPECT_TRUE(offers_->GetOffer(As("operator/ada").get(), get, &out).ok());
    return out;
  }

  std::unique_ptr<v1::SessionService::Stub> sessions_;
};

TEST_F(SessionTest, ARequestIsMadeAndTakenOverSessionsAlone) {
  OwnerEnd owner = Owner();
  DeskEnd desk = Desk();
  ASSERT_TRUE(owner.Say(kOwner));
  ASSERT_TRUE(desk.Say(kDesk));
  owner.Sync();
  desk.Sync();
  ASSERT_TRUE(owner.Say("", {CreateCommand()}));
  const v1::OwnerReply made = owner.ReplyTo(1);
  EXPECT_FALSE(made.has_error()) << made.error().message();
  EXPECT_EQ(made.state(), v1::CapacityRequest::STATE_HOLDER_ROUND);
  const std::string offer = made.capacity_request() + "/offers/1";
  EXPECT_THAT(desk.News(), ElementsAre(offer + " STATE_OPEN"));

  v1::ProviderCommand accept;
  *accept.mutable_accept() = AcceptOf(OfferNamed(offer));
  ASSERT_TRUE(desk.Say("", {accept}));
  const v1::ProviderReply taken = desk.ReplyTo(1);
  EXPECT_FALSE(taken.has_error()) << taken.error().message();
  EXPECT_EQ(taken.state(), v1::Offer::STATE_ACCEPTED);
  EXPECT_EQ(taken.accepted_quantity(), 8000);
  EXPECT_EQ(taken.allocation_state(), v1::Allocation::STATE_CONFIRMED);
  // The owner did nothing of that: it is news; its own request was none.
  EXPECT_THAT(owner.News(), ElementsAre(made.capacity_request() + " STATE_FULFILLED"));

  v1::OwnerCommand release;
  release.mutable_release()->set_name(made.capacity_request() + "/allocations/1");
  release.mutable_release()->set_request_id(NewKey());
  ASSERT_TRUE(owner.Say(kOwner, {release}));
  EXPECT_FALSE(owner.ReplyTo(2).has_error());
  EXPECT_THAT(desk.News(),
              ElementsAre(offer + " STATE_ACCEPTED"));  // Released: the desk did not do it.
  owner.stream->WritesDone();
  desk.stream->WritesDone();
  EXPECT_TRUE(owner.End().ok());
  EXPECT_TRUE(desk.End().ok());
  EXPECT_THAT(owner.news, IsEmpty());
  EXPECT_THAT(desk.news, IsEmpty());
}

TEST_F(SessionTest, OneThatIsRefusedEndsNothingButItself) {
  OwnerEnd owner = Owner();
  v1::OwnerCommand bad = CreateCommand();
  bad.mutable_create()->mutable_capacity_request()->mutable_terms()->set_quantity(-1);
  v1::OwnerCommand late = CreateCommand();  // Decide refuses it, not the parser.
  late.mutable_create()->mutable_capacity_request()->mutable_expire_time()->set_seconds(kNow - 5);
  late.mutable_create()->mutable_capacity_request()->mutable_needed_by_time()->set_seconds(kNow -
                                                                                           10);
  const v1::OwnerCommand good = CreateCommand();
  ASSERT_TRUE(owner.Say(kOwner, {bad, late, good, v1::OwnerCommand()}));
  // As the calls of their own say it.
  for (int i = 0; i < 2; ++i) {
    v1::CreateCapacityRequestRequest call = (i == 0 ? bad : late).create();
    call.set_parent(kOwner);
    v1::CapacityRequest out;
    const grpc::Status told =
        requests_->CreateCapacityRequest(As("owner/openai").get(), call, &out);
    ASSERT_FALSE(told.ok());
    EXPECT_EQ(StatusIn(owner.ReplyTo(i + 1)).error_details(), told.error_details())
        << told.error_message();
  }
  EXPECT_EQ(FieldIn(StatusIn(owner.ReplyTo(1))), "capacity_request.terms.quantity");
  EXPECT_FALSE(owner.ReplyTo(3).has_error()) << owner.ReplyTo(3).error().message();
  EXPECT_EQ(FieldIn(StatusIn(owner.ReplyTo(4))), "command");
  owner.stream->WritesDone();
  EXPECT_TRUE(owner.End().ok());
}

TEST_F(SessionTest, TheSameKeyIsTheSameCommandOverACallAndASession) {
  OwnerEnd owner = Owner();
  const v1::OwnerCommand create = CreateCommand();
  ASSERT_TRUE(owner.Say(kOwner, {create}));
  const std::string name = owner.ReplyTo(1).capacity_request();
  v1::CreateCapacityRequestRequest call = create.create();
  call.set_parent(kOwner);
  v1::CapacityRequest out;
  ASSERT_TRUE(requests_->CreateCapacityRequest(As("owner/openai").get(), call, &out).ok());
  EXPECT_EQ(out.name(), name);

  v1::OwnerCommand other = create;
  other.mutable_create()->mutable_capacity_request()->set_smallest_useful_quantity(200);
  ASSERT_TRUE(owner.Say("", {create, other}));
  EXPECT_EQ(owner.ReplyTo(2).capacity_request(), name);
  EXPECT_EQ(ReasonIn(StatusIn(owner.ReplyTo(3))), "IDEMPOTENCY_CONFLICT");

  // And the other way about.
  DeskEnd desk = Desk();
  v1::Offer declined;
  v1::ProviderCommand decline = DeclineCommand(name + "/offers/1");
  ASSERT_TRUE(offers_->DeclineOffer(As("provider/azure").get(), decline.decline(), &declined).ok());
  ASSERT_TRUE(desk.Say(kDesk, {decline}));
  EXPECT_EQ(desk.ReplyTo(1).state(), v1::Offer::STATE_DECLINED)
      << desk.ReplyTo(1).error().message();
}

TEST_F(SessionTest, OfWhatIsAnothersNothingIsKnown) {
  const v1::CapacityRequest request = Create();
  OwnerEnd other = Owner("owner/other");
  ASSERT_TRUE(other.Say("owners/other", {CancelCommand(request.name()), CreateCommand()}));
  const grpc::Status told = StatusIn(other.ReplyTo(1));
  EXPECT_EQ(told.error_code(), grpc::StatusCode::NOT_FOUND);
  std::map<std::string, std::string> metadata;
  EXPECT_EQ(ReasonIn(told, &metadata), "RESOURCE_NOT_FOUND");
  EXPECT_EQ(metadata["name"], request.name());
  EXPECT_THAT(other.ReplyTo(2).capacity_request(), ::testing::StartsWith("owners/other/"));

  v1::OwnerCommand elsewhere = CreateCommand();
  elsewhere.mutable_create()->set_parent(kOwner);
  ASSERT_TRUE(other.Say("", {elsewhere}));
  EXPECT_EQ(other.ReplyTo(3).error().code(), grpc::StatusCode::PERMISSION_DENIED);
  other.Sync();
  EXPECT_THAT(other.news,
              ::testing::Not(::testing::Contains(::testing::HasSubstr(request.name()))));

  DeskEnd desk = Desk("provider/coreweave");
  ASSERT_TRUE(desk.Say("providers/coreweave", {DeclineCommand(request.name() + "/offers/1")}));
  EXPECT_EQ(desk.ReplyTo(1).error().code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(SessionTest, TheWholeStreamEndsWhereItsMessagesAreWrong) {
  const auto end = [](auto session) { return session.End(); };
  EXPECT_EQ(end(Owner("provider/azure")).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(end(Desk("owner/openai")).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(end(Owner("")).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  OwnerEnd owner = Owner();
  ASSERT_TRUE(owner.Say("owners/other", {CreateCommand()}));
  EXPECT_EQ(owner.End().error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(owner.replies, IsEmpty());
  OwnerEnd nameless = Owner();
  ASSERT_TRUE(nameless.Say("", {CreateCommand()}));
  EXPECT_EQ(FieldIn(nameless.End()), "parent");

  // What was said before is replied to first.
  OwnerEnd changed = Owner();
  ASSERT_TRUE(changed.Say(kOwner, {CreateCommand()}));
  ASSERT_TRUE(changed.Say("owners/other"));
  EXPECT_EQ(FieldIn(changed.End()), "parent");
  EXPECT_EQ(changed.replies.size(), 1u);
  OwnerEnd big = Owner();
  ASSERT_TRUE(big.Say(kOwner, std::vector<v1::OwnerCommand>(1025, CancelCommand("x"))));
  EXPECT_EQ(FieldIn(big.End()), "commands");
  OwnerEnd silent = Owner();
  silent.stream->WritesDone();
  EXPECT_TRUE(silent.End().ok());

  // Bytes that are no message are not taken for the caller's last word.
  OwnerEnd garbled = Owner();
  ASSERT_TRUE(garbled.Say(kOwner, {CreateCommand()}));
  ASSERT_TRUE(garbled.Say("owners/\xe9"));
  const grpc::Status unreadable = garbled.End();
  EXPECT_EQ(unreadable.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(unreadable.error_message(), ::testing::HasSubstr("cannot be read"));
  EXPECT_EQ(garbled.replies.size(), 1u);
}

TEST_F(SessionTest, OneWhoSendsFasterThanItIsServedLosesNothing) {
  constexpr int kMessages = 12, kEach = 500;
  OwnerEnd owner = Owner();
  std::thread sender([&] {
    for (int i = 0; i < kMessages; ++i) {
      std::vector<v1::OwnerCommand> commands;
      for (int j = 0; j < kEach; ++j) commands.push_back(CreateCommand());
      if (!owner.Say(kOwner, commands)) break;
    }
    owner.stream->WritesDone();
  });
  const grpc::Status status = owner.End();
  sender.join();
  EXPECT_TRUE(status.ok()) << status.error_message();
  std::set<std::string> names;
  for (const auto& [number, reply] : owner.replies) {
    EXPECT_FALSE(reply.has_error()) << reply.error().message();
    names.insert(reply.capacity_request());
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(kMessages * kEach));
  EXPECT_EQ(owner.replies.rbegin()->first, kMessages * kEach);
  EXPECT_LT(owner.messages, kMessages * kEach / 4);  // Many of them in one.
}

TEST_F(SessionTest, WhatOthersDoIsNewsAndSoIsAnotherSessionOfTheSameOwner) {
  OwnerEnd one = Owner(), two = Owner();
  ASSERT_TRUE(one.Say(kOwner));
  ASSERT_TRUE(two.Say(kOwner));
  one.Sync();
  two.Sync();
  ASSERT_TRUE(one.Say("", {CreateCommand()}));
  const std::string name = one.ReplyTo(1).capacity_request();
  EXPECT_THAT(two.News(), ElementsAre(name + " STATE_HOLDER_ROUND"));
  ASSERT_TRUE(two.Say("", {CancelCommand(name)}));
  EXPECT_EQ(two.ReplyTo(1).state(), v1::CapacityRequest::STATE_CANCELLED);
  EXPECT_THAT(one.News(), ElementsAre(name + " STATE_CANCELLED"));
  // Each has been shown the other's, and nothing of its own.
  one.stream->WritesDone();
  two.stream->WritesDone();
  EXPECT_TRUE(one.End().ok());
  EXPECT_TRUE(two.End().ok());
  EXPECT_THAT(one.news, IsEmpty());
  EXPECT_THAT(two.news, IsEmpty());
}

TEST_F(SessionTest, AProvidersOwnAnswerIsNoNewsButWhatFollowsFromOthersIs) {
  const std::string first = Create().name() + "/offers/1";
  DeskEnd desk = Desk();
  ASSERT_TRUE(desk.Say(kDesk));
  desk.Sync();
  EXPECT_THAT(desk.News(), ElementsAre(first + " STATE_OPEN"));
  ASSERT_TRUE(desk.Say("", {DeclineCommand(first)}));
  EXPECT_EQ(desk.ReplyTo(1).state(), v1::Offer::STATE_DECLINED);
  const std::string second = Create().name() + "/offers/1";
  EXPECT_THAT(desk.News(), ElementsAre(second + " STATE_OPEN"));
  Pass(Hours(2) + Span{1});  // A deadline is nobody's command.
  EXPECT_THAT(desk.News(), ElementsAre(second + " STATE_LAPSED"));
}

TEST_F(SessionTest, AReaderThatFallsBehindIsEndedAndStartsAnew) {
  server_->Stop();
  options_.watch_bound = 4;
  Listen();
  sessions_ = v1::SessionService::NewStub(channel_);
  feed_.Open();
  OwnerEnd owner = Owner();
  ASSERT_TRUE(owner.Say(kOwner));
  owner.Sync();
  v1::CreateCapacityRequestRequest create = GoodCreate();
  for (int i = 0; i < 31; ++i)
    create.mutable_capacity_request()->mutable_terms()->add_conditions(std::string(250, 'c'));
  std::set<std::string> made;
  for (int i = 0; i < 400; ++i) {  // Enough to fill what the network holds.
    create.set_request_id(NewKey());
    v1::CapacityRequest out;
    ASSERT_TRUE(requests_->CreateCapacityRequest(As("owner/openai").get(), create, &out).ok());
    made.insert(out.name() + " STATE_HOLDER_ROUND");
  }
  const grpc::Status status = owner.End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
  EXPECT_EQ(ReasonIn(status), "SLOW_READER");
  OwnerEnd anew = Owner();
  ASSERT_TRUE(anew.Say(kOwner));
  anew.Sync();
  EXPECT_EQ(std::set<std::string>(anew.news.begin(), anew.news.end()), made);
}

TEST_F(SessionTest, EndsWhenTheServerGoesDownWhateverWasSaid) {
  OwnerEnd owner = Owner(), silent = Owner();
  DeskEnd desk = Desk();
  ASSERT_TRUE(owner.Say(kOwner, {CreateCommand()}));
  ASSERT_TRUE(desk.Say(kDesk));
  EXPECT_FALSE(owner.ReplyTo(1).has_error());
  owner.Sync();
  desk.Sync();
  while (server_->sessions().open() < 3) std::this_thread::yield();
  server_->Drain(Seconds(30));
  EXPECT_EQ(ReasonIn(owner.End()), "SHUTTING_DOWN");
  EXPECT_EQ(ReasonIn(desk.End()), "SHUTTING_DOWN");
  EXPECT_EQ(ReasonIn(silent.End()), "SHUTTING_DOWN");
}

TEST_F(SessionTest, WhatIsUnderWayWhenTheStreamBreaksIsDecidedAllTheSame) {
  std::vector<v1::OwnerCommand> commands;
  for (int i = 0; i < 200; ++i) commands.push_back(CreateCommand());
  OwnerEnd owner = Owner();
  ASSERT_TRUE(owner.Say(kOwner, commands));
  owner.ReplyTo(1);  // So the message has arrived whole.
  owner.context->TryCancel();
  EXPECT_EQ(owner.End().error_code(), grpc::StatusCode::CANCELLED);
  // Repeated in a new session: each is the one that was made.
  OwnerEnd again = Owner();
  ASSERT_TRUE(again.Say(kOwner, commands));
  again.stream->WritesDone();
  EXPECT_TRUE(again.End().ok());
  ASSERT_EQ(again.replies.size(), 200u);
  for (const auto& [number, reply] : owner.replies) {
    EXPECT_EQ(reply.capacity_request(), again.replies[number].capacity_request());
  }
  v1::ListCapacityRequestsRequest list;
  list.set_parent(kOwner);
  list.set_page_size(1000);
  v1::ListCapacityRequestsResponse all;
  ASSERT_TRUE(requests_->ListCapacityRequests(As("owner/openai").get(), list, &all).ok());
  EXPECT_EQ(all.capacity_requests_size(), 200);
}

TEST_F(SessionTest, CommandsAreCountedByMethodAndCode) {
  OwnerEnd owner = Owner();
  ASSERT_TRUE(owner.Say(kOwner, {CreateCommand(), CreateCommand(), CancelCommand("x")}));
  owner.ReplyTo(1), owner.ReplyTo(2), owner.ReplyTo(3);
  const SessionCounts& counts = server_->sessions();
  EXPECT_EQ(counts.open(), 1);
  EXPECT_EQ(counts.commands(Method::kCreateCapacityRequest, grpc::StatusCode::OK), 2u);
  EXPECT_EQ(counts.commands(Method::kCancelCapacityRequest, grpc::StatusCode::INVALID_ARGUMENT),
            1u);
  owner.stream->WritesDone();
  EXPECT_TRUE(owner.End().ok());
}

// The token is taken out of the principals file while the session is open.
TEST_F(SessionTest, EndsWhenItsCallerIsRevoked) {
  const v1::CapacityRequest request = Create();
  DeskEnd desk = Desk();
  ASSERT_TRUE(desk.Say(kDesk));
  desk.Sync();
  OwnerEnd owner = Owner();
  ASSERT_TRUE(owner.Say(kOwner));
  owner.Sync();
  std::erase(parties_, "provider/azure");
  WritePrincipals();
  ASSERT_TRUE(server_->ReloadPrincipals().ok());
  // Whether this still leaves or not: nothing is accepted.
  desk.Say("", {DeclineCommand(request.offers(0).name())});
  const grpc::Status ended = desk.End();
  EXPECT_EQ(ended.error_code(), grpc::StatusCode::UNAUTHENTICATED) << ended.error_message();
  EXPECT_EQ(ReasonIn(ended), "NO_IDENTITY");
  EXPECT_THAT(desk.replies, IsEmpty());
  EXPECT_EQ(OfferNamed(request.offers(0).name()).state(), v1::Offer::STATE_OPEN);
  // The other side goes on.
  ASSERT_TRUE(owner.Say("", {CancelCommand(request.name())}));
  EXPECT_FALSE(owner.ReplyTo(1).has_error());
}

}  // namespace
}  // namespace capbroker
