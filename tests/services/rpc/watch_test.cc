// Watches: what is, then what changes, each once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "tests/services/rpc/rpc_fixture.h"

namespace capbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class WatchTest : public RpcTest {
 protected:
  void SetUp() override {
    RpcTest::SetUp();
    RegisterProviders({"azure", "coreweave"});
    RecordAgreement();
  }

  struct RequestWatcher {
    std::unique_ptr<grpc::ClientContext> context;
    std::unique_ptr<grpc::ClientReader<v1::WatchCapacityRequestsResponse>> reader;
    // Up to the message with `synced`: the names.
    std::vector<std::string> State() {
      std::vector<std::string> names;
      v1::WatchCapacityRequestsResponse message;
      do {
        if (!reader->Read(&message)) return {"the watch ended"};
        for (const auto& request : message.capacity_requests()) names.push_back(request.name());
      } while (!message.synced());
      return names;
    }
    // The next message: "name STATE".
    std::vector<std::string> Next() {
      v1::WatchCapacityRequestsResponse message;
      if (!reader->Read(&message)) return {"the watch ended"};
      EXPECT_FALSE(message.synced());
      std::vector<std::string> seen;
      for (const auto& request : message.capacity_requests()) {
        seen.push_back(request.name() + " " + v1::CapacityRequest::State_Name(request.state()));
      }
      return seen;
    }
  };
  RequestWatcher WatchRequests(const std::string& who, const std::string& name = "") {
    v1::WatchCapacityRequestsRequest in;
    in.set_parent("owners/openai");
    in.set_name(name);
    RequestWatcher watcher{As(who), nullptr};
    watcher.reader = requests_->WatchCapacityRequests(watcher.context.get(), in);
    return watcher;
  }

  struct OfferWatcher {
    std::unique_ptr<grpc::ClientContext> context;
    std::unique_ptr<grpc::ClientReader<v1::WatchOffersResponse>> reader;
    std::vector<v1::Offer> State() {
      std::vector<v1::Offer> offers;
      v1::WatchOffersResponse message;
      do {
        if (!reader->Read(&message)) return {};
        offers.insert(offers.end(), message.offers().begin(), message.offers().end());
      } while (!message.synced());
      return offers;
    }
    std::vector<std::string> Next() {
      v1::WatchOffersResponse message;
      if (!reader->Read(&message)) return {"the watch ended"};
      std::vector<std::string> seen;
      for (const auto& offer : message.offers()) {
        seen.push_back(offer.name() + " " + offer.provider() + " " +
                       v1::Offer::State_Name(offer.state()));
      }
      return seen;
    }
  };
  OfferWatcher WatchOffers(const std::string& provider) {
    v1::WatchOffersRequest in;
    in.set_parent("providers/" + provider);
    OfferWatcher watcher{As("provider/" + provider), nullptr};
    watcher.reader = offers_->WatchOffers(watcher.context.get(), in);
    return watcher;
  }
};

TEST_F(WatchTest, AnOwnerSeesWhatIsThenWhatChanges) {
  const v1::CapacityRequest first = Create();
  v1::CancelCapacityRequestRequest cancel;
  cancel.set_name(Create().name());
  cancel.set_request_id(NewKey());
  v1::CapacityRequest out;
  ASSERT_TRUE(requests_->CancelCapacityRequest(As("owner/openai").get(), cancel, &out).ok());

  RequestWatcher watcher = WatchRequests("owner/openai");
  EXPECT_THAT(watcher.State(), ElementsAre(first.name()));
  const v1::CapacityRequest second = Create();
  EXPECT_THAT(watcher.Next(), ElementsAre(second.name() + " STATE_HOLDER_ROUND"));
  v1::Offer offer;
  ASSERT_TRUE(
      offers_->AcceptOffer(As("provider/azure").get(), AcceptOf(first.offers(0)), &offer).ok());
  EXPECT_THAT(watcher.Next(), ElementsAre(first.name() + " STATE_FULFILLED"));

  // Another owner's news are no news here.
  v1::CreateCapacityRequestRequest create = GoodCreate();
  create.set_parent("owners/other");
  ASSERT_TRUE(requests_->CreateCapacityRequest(As("owner/other").get(), create, &out).ok());
  ASSERT_TRUE(Decline(second.offers(0), "provider/azure", &offer).ok());
  EXPECT_THAT(watcher.Next(), ElementsAre(second.name() + " STATE_FALLBACK"));
}

TEST_F(WatchTest, ADeadlineIsNews) {
  const v1::CapacityRequest request = Create();
  RequestWatcher watcher = WatchRequests("auditor/lex");
  EXPECT_THAT(watcher.State(), ElementsAre(request.name()));
  Pass(Hours(2) + Span{1});
  EXPECT_THAT(watcher.Next(), ElementsAre(request.name() + " STATE_FALLBACK"));
}

TEST_F(WatchTest, OneRequestIsWatchedFinishedOrNot) {
  const v1::CapacityRequest first = Create();
  v1::Offer offer;
  ASSERT_TRUE(
      offers_->AcceptOffer(As("provider/azure").get(), AcceptOf(first.offers(0)), &offer).ok());
  RequestWatcher watcher = WatchRequests("owner/openai", first.name());
  EXPECT_THAT(watcher.State(), ElementsAre(first.name()));
  Create();  // Not its business.
  v1::ReleaseAllocationRequest release;
  release.set_name(first.name() + "/allocations/1");
  release.set_request_id(NewKey());
  v1::Allocation allocation;
  ASSERT_TRUE(requests_->ReleaseAllocation(As("owner/openai").get(), release, &allocation).ok());
  EXPECT_THAT(watcher.Next(), ElementsAre(first.name() + " STATE_CANCELLED"));

  RequestWatcher none = WatchRequests("owner/openai", kRequestName);
  v1::WatchCapacityRequestsResponse message;
  EXPECT_FALSE(none.reader->Read(&message));
  EXPECT_EQ(none.reader->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(WatchTest, AProviderSeesItsOwnOffersOnly) {
  OfferWatcher azure = WatchOffers("azure"), coreweave = WatchOffers("coreweave");
  EXPECT_THAT(azure.State(), IsEmpty());
  EXPECT_THAT(coreweave.State(), IsEmpty());
  const v1::CapacityRequest request = Create();
  const std::string first = request.name() + "/offers/1", second = request.name() + "/offers/2";
  EXPECT_THAT(azure.Next(), ElementsAre(first + " providers/azure STATE_OPEN"));

  v1::ExtendOfferRequest extend;
  extend.set_name(first);
  extend.set_request_id(NewKey());
  extend.mutable_deadline()->set_seconds(request.offers(0).deadline().seconds() + 60);
  v1::Offer offer;
  ASSERT_TRUE(requests_->ExtendOffer(As("owner/openai").get(), extend, &offer).ok());
  EXPECT_THAT(azure.Next(), ElementsAre(first + " providers/azure STATE_OPEN"));

  ASSERT_TRUE(Decline(offer, "provider/azure", &offer).ok());
  EXPECT_THAT(azure.Next(), ElementsAre(first + " providers/azure STATE_DECLINED"));
  EXPECT_THAT(coreweave.Next(), ElementsAre(second + " providers/coreweave STATE_OPEN"));
  v1::CancelCapacityRequestRequest cancel;
  cancel.set_name(request.name());
  cancel.set_request_id(NewKey());
  v1::CapacityRequest out;
  ASSERT_TRUE(requests_->CancelCapacityRequest(As("owner/openai").get(), cancel, &out).ok());
  EXPECT_THAT(coreweave.Next(), ElementsAre(second + " providers/coreweave STATE_RESCINDED"));
  // Nothing of that was azure's: its next news is its next offer.
  const std::string next = Create().name();
  EXPECT_THAT(azure.Next(), ElementsAre(next + "/offers/1 providers/azure STATE_OPEN"));
}

TEST_F(WatchTest, AProviderIsToldThatItsCapacityWasGivenBack) {
  OfferWatcher azure = WatchOffers("azure");
  EXPECT_THAT(azure.State(), IsEmpty());
  const v1::CapacityRequest request = Create();
  const auto next = [&azure] {
    v1::WatchOffersResponse message;
    if (!azure.reader->Read(&message) || message.offers_size() != 1)
      return std::string("something else");
    return v1::Offer::State_Name(message.offers(0).state()) + " " +
           v1::Allocation::State_Name(message.offers(0).allocation_state());
  };
  EXPECT_EQ(next(), "STATE_OPEN STATE_UNSPECIFIED");
  v1::Offer offer;
  ASSERT_TRUE(
      offers_->AcceptOffer(As("provider/azure").get(), AcceptOf(request.offers(0)), &offer).ok());
  EXPECT_EQ(next(), "STATE_ACCEPTED STATE_CONFIRMED");
  v1::ReleaseAllocationRequest release;
  release.set_name(request.name() + "/allocations/1");
  release.set_request_id(NewKey());
  v1::Allocation allocation;
  ASSERT_TRUE(requests_->ReleaseAllocation(As("owner/openai").get(), release, &allocation).ok());
  EXPECT_EQ(next(), "STATE_ACCEPTED STATE_RELEASED");
}

TEST_F(WatchTest, WhatIsOpenComesAgainAfterABreak) {
  std::vector<std::string> names;
  for (int i = 0; i < 120; ++i)
    names.push_back(Create().name() + "/offers/1");  // More than one page.
  for (int i = 0; i < 2; ++i) {
    OfferWatcher watcher = WatchOffers("azure");
    const std::vector<v1::Offer> offers = watcher.State();
    std::vector<std::string> got;
    for (const v1::Offer& offer : offers) got.push_back(offer.name());
    EXPECT_THAT(got, ::testing::UnorderedElementsAreArray(names));
    ASSERT_FALSE(offers.empty());
    EXPECT_EQ(offers[0].remaining().seconds(), 7200);
    watcher.context->TryCancel();
    v1::WatchOffersResponse message;
    while (watcher.reader->Read(&message)) {
    }
    watcher.reader->Finish();
  }
}

// A watcher that comes while requests are made sees every one, and none twice in the same state.
TEST_F(WatchTest, NothingIsMissedAndNothingComesTwice) {
  constexpr int kRequests = 100;
  std::vector<std::string> made;
  std::thread owner([&] {
    for (int i = 0; i < kRequests; ++i) made.push_back(Create().name());
  });
  std::vector<std::multiset<std::string>> seen(4);
  std::vector<std::thread> watchers;
  for (auto& names : seen) {
    watchers.emplace_back([&] {
      OfferWatcher watcher = WatchOffers("azure");
      v1::WatchOffersResponse message;
      while (names.size() < kRequests && watcher.reader->Read(&message)) {
        for (const auto& offer : message.offers()) names.insert(offer.capacity_request());
      }
      watcher.context->TryCancel();
      while (watcher.reader->Read(&message)) {
      }
      watcher.reader->Finish();
    });
  }
  owner.join();
  for (std::thread& watcher : watchers) watcher.join();
  for (const auto& names : seen) {
    EXPECT_THAT(std::vector<std::string>(names.begin(), names.end()),
                ::testing::UnorderedElementsAreArray(made));
  }
}

TEST_F(WatchTest, AReaderThatFallsBehindIsEndedAndStartsAnew) {
  server_->Stop();
  options_.watch_bound = 4;
  Listen();
  feed_.Open();
  // Requests big enough to fill what the network holds.
  v1::CreateCapacityRequestRequest create = GoodCreate();
  for (int i = 0; i < 31; ++i)
    create.mutable_capacity_request()->mutable_terms()->add_conditions(std::string(250, 'c'));
  RequestWatcher watcher = WatchRequests("owner/openai");
  EXPECT_THAT(watcher.State(), IsEmpty());
  std::set<std::string> made;
  for (int i = 0; i < 400; ++i) {
    create.set_request_id(NewKey());
    v1::CapacityRequest out;
    ASSERT_TRUE(requests_->CreateCapacityRequest(As("owner/openai").get(), create, &out).ok());
    made.insert(out.name());
  }
  v1::WatchCapacityRequestsResponse message;
  while (watcher.reader->Read(&message)) {
  }
  const grpc::Status status = watcher.reader->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
  EXPECT_EQ(ReasonIn(status), "SLOW_READER");

  RequestWatcher anew = WatchRequests("owner/openai");
  const std::vector<std::string> state = anew.State();
  EXPECT_EQ(std::set<std::string>(state.begin(), state.end()), made);
}

TEST_F(WatchTest, EndsWhenTheServerGoesDown) {
  RequestWatcher watcher = WatchRequests("owner/openai");
  OfferWatcher offers = WatchOffers("azure");
  EXPECT_THAT(watcher.State(), IsEmpty());
  EXPECT_THAT(offers.State(), IsEmpty());
  server_->Drain(Seconds(30));
  v1::WatchCapacityRequestsResponse message;
  EXPECT_FALSE(watcher.reader->Read(&message));
  grpc::Status status = watcher.reader->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonIn(status), "SHUTTING_DOWN");
  v1::WatchOffersResponse offer;
  EXPECT_FALSE(offers.reader->Read(&offer));
  EXPECT_EQ(ReasonIn(offers.reader->Finish()), "SHUTTING_DOWN");
}

TEST_F(WatchTest, EndsWhenItsCallerIsRevoked) {
  ExpectWatchEndsBy(*offers_, As("provider/azure").get(), [this] {
    std::erase(parties_, "provider/azure");
    WritePrincipals();
    ASSERT_TRUE(server_->ReloadPrincipals().ok());
  });
}

}  // namespace
}  // namespace capbroker
