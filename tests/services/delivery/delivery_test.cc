#include "services/delivery/delivery.h"

#include "tests/services/delivery/delivery_fixture.h"

namespace capbroker {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// The entries of a trail about notices and answers, in their order.
std::vector<std::string> Answers(const std::vector<std::string>& trail) {
  std::vector<std::string> out;
  for (const std::string& entry : trail) {
    if (entry.starts_with("NOTICE_") || entry.starts_with("OFFER_") ||
        entry.starts_with("RESPONSE_")) {
      out.push_back(entry);
    }
  }
  return out;
}

TEST_F(DeliveryTest, AnOfferIsDeliveredAndAnswered) {
  CalledDesk desk(AcceptAll);
  desk.Open();
  Deliver();
  Register("azure", desk.address());
  RecordAgreement();
  const v1::CapacityRequest request = Create();
  const Trail trail = AwaitTrail(request, "REQUEST_FULFILLED");
  EXPECT_THAT(Answers(trail),
              ElementsAre("OFFER_OPENED", "NOTICE_ATTEMPTED DELIVERED", "OFFER_ACCEPTED"));
  EXPECT_THAT(texts_, ElementsAre(Cat("attempt 1 to ", desk.address(), ": accepts 8000 of 8000")));
  ASSERT_EQ(desk.visits().size(), 1);
  const Considered visit = desk.AwaitVisit(1);
  EXPECT_EQ(visit.attempt(), 1);
  EXPECT_EQ(visit.offer().name(), request.name() + "/offers/1");
  EXPECT_EQ(visit.offer().state(), v1::Offer::STATE_OPEN);
  EXPECT_EQ(visit.offer().remaining().seconds(), 7200);
  const DeliveryCounts counts = delivery_->counts();
  EXPECT_EQ(counts.attempts.at({"azure", "DELIVERED"}), 1);
  EXPECT_EQ(counts.took.at("azure").counts.front(), 1);  // The clock does not move.
}

TEST_F(DeliveryTest, WhoAnswersLaterIsNotCalledAgainAndAnswersItself) {
  CalledDesk desk([](const Considered&, v1::ConsiderOfferResponse* out) {
    out->mutable_later();
    return grpc::Status::OK;
  });
  desk.Open();
  Deliver();
  Register("azure", desk.address());
  RecordAgreement();
  const v1::CapacityRequest request = Create();
  AwaitTrail(request, "NOTICE_ATTEMPTED DELIVERED");
  PassAPause();
  v1::Offer out;
  ASSERT_TRUE(
      offers_->AcceptOffer(As("provider/azure").get(), AcceptOf(desk.AwaitVisit(1).offer()), &out)
          .ok());
  // The call of a second offer shows that the first one's was not repeated meanwhile.
  Create();
  EXPECT_NE(desk.AwaitVisit(2).offer().name(), desk.AwaitVisit(1).offer().name());
}

TEST_F(DeliveryTest, DownThenUp) {
  CalledDesk desk(AcceptAll);
  desk.Open();
  desk.Close();
  Deliver();
  Register("azure", desk.address());
  RecordAgreement();
  const v1::CapacityRequest request = Create();
  AwaitTrail(request, "NOTICE_ATTEMPTED UNAVAILABLE");
  PassAPause();
  AwaitTrail(request, "NOTICE_ATTEMPTED UNAVAILABLE", 2);
  desk.Open();
  PassAPause();
  const Trail trail = AwaitTrail(request, "REQUEST_FULFILLED");
  EXPECT_THAT(Answers(trail), ElementsAre("OFFER_OPENED", "NOTICE_ATTEMPTED UNAVAILABLE",
                                          "NOTICE_ATTEMPTED UNAVAILABLE",
                                          "NOTICE_ATTEMPTED DELIVERED", "OFFER_ACCEPTED"));
  EXPECT_THAT(texts_[2], HasSubstr("attempt 3 to"));
  EXPECT_EQ(desk.AwaitVisit(1).attempt(), 3);
}

TEST_F(DeliveryTest, AnAnswerAfterTheDeadlineIsRecordedAsLate) {
  absl::Notification go;
  CalledDesk desk([&](const Considered& in, v1::ConsiderOfferResponse* out) {
    go.WaitForNotificationWithTimeout(absl::Seconds(60));
    return AcceptAll(in, out);
  });
  desk.Open();
  Deliver();
  Register("azure", desk.address());
  RecordAgreement();
  const v1::CapacityRequest request = Create();
  desk.AwaitVisit(1);
  Pass(Hours(2) + Span{1});
  AwaitTrail(request, "OFFER_LAPSED");
  go.Notify();
  const Trail trail = AwaitTrail(request, "RESPONSE_REJECTED LATE_ANSWER");
  EXPECT_THAT(Answers(trail),
              ElementsAre("OFFER_OPENED", "OFFER_LAPSED", "OFFER_OPENED",
                          "NOTICE_ATTEMPTED DELIVERED", "RESPONSE_REJECTED LATE_ANSWER"));
}

TEST_F(DeliveryTest, AfterARestartItIsDeliveredAgainAndAnsweredOnce) {
  absl::Notification over;
  std::atomic<int> calls = 0;
  CalledDesk desk([&](const Considered& in, v1::ConsiderOfferResponse* out) {
    // The first call is answered only after the broker has gone down.
    if (++calls == 1) over.WaitForNotificationWithTimeout(absl::Seconds(60));
    return AcceptAll(in, out);
  });
  desk.Open();
  Deliver();
  Register("azure", desk.address());
  RecordAgreement();
  const v1::CapacityRequest request = Create();
  desk.AwaitVisit(1);
  delivery_->Stop();
  over.Notify();
  EXPECT_THAT(TrailOf(request), Not(Contains(HasSubstr("NOTICE_"))));
  Deliver();
  const Trail trail = AwaitTrail(request, "REQUEST_FULFILLED");
  EXPECT_THAT(Answers(trail),
              ElementsAre("OFFER_OPENED", "NOTICE_ATTEMPTED DELIVERED", "OFFER_ACCEPTED"));
  EXPECT_EQ(desk.AwaitVisit(2).offer().name(), desk.AwaitVisit(1).offer().name());
  EXPECT_EQ(desk.AwaitVisit(2).offer().terms_hash(), desk.AwaitVisit(1).offer().terms_hash());
}

// The crash came after the answer was recorded, and before the broker knew that the provider had
// answered.
TEST_F(DeliveryTest, TheSameAnswerFromTwoDeliveriesIsOneCommand) {
  RegisterProviders({"azure"});
  RecordAgreement();
  const v1::CapacityRequest request = Create();
  v1::ConsiderOfferResponse response;
  response.mutable_accept()->set_terms_hash(request.offers(0).terms_hash());
  Fields fields;
  const OfferName offer = ParseOfferName(fields, "name", request.offers(0).name());
  for (int i = 0; i < 2; ++i) {
    absl::StatusOr<PushedAnswer> answer = ReadAnswer({"azure"}, offer, 8000, response);
    ASSERT_TRUE(answer.ok()) << answer.status();
    absl::Notification done;
    sequencer_->Submit(*std::move(answer->submission), [&](absl::StatusOr<Outcome> outcome) {
      EXPECT_TRUE(outcome.ok()) << outcome.status();
      done.Notify();
    });
    ASSERT_TRUE(done.WaitForNotificationWithTimeout(absl::Seconds(60)));
  }
  EXPECT_THAT(Answers(TrailOf(request)), ElementsAre("OFFER_OPENED", "OFFER_ACCEPTED"));
}

TEST_F(DeliveryTest, WhatIsOpenAtTheStartIsDelivered) {
  CalledDesk desk(AcceptAll);
  desk.Open();
  Register("azure", desk.address());
  RecordAgreement();
  std::vector<v1::CapacityRequest> requests;
  for (int i = 0; i < 60; ++i) requests.push_back(Create());  // More than a page.
  Deliver();
  for (const v1::CapacityRequest& request : requests) AwaitTrail(request, "OFFER_ACCEPTED");
  EXPECT_EQ(desk.visits().size(), requests.size());
}

TEST_F(DeliveryTest, NothingIsDeliveredOnceTheOfferIsOver) {
  CalledDesk desk(AcceptAll);
  desk.Open();
  desk.Close();
  Deliver();
  Register("azure", desk.address());
  RecordAgreement();
  const v1::CapacityRequest request = Create();
  AwaitTrail(request, "NOTICE_ATTEMPTED UNAVAILABLE");
  v1::CancelCapacityRequestRequest cancel;
  cancel.set_name(request.name());
  cancel.set_request_id(NewKey());
  v1::CapacityRequest out;
  ASSERT_TRUE(requests_->CancelCapacityRequest(As("owner/openai").get(), cancel, &out).ok());
  desk.Open();
  PassAPause();
  AwaitTrail(Create(), "REQUEST_FULFILLED");
  ASSERT_EQ(desk.visits().size(), 1);
  EXPECT_THAT(desk.AwaitVisit(1).offer().name(), Not(HasSubstr(request.name())));
}

TEST_F(DeliveryTest, AnAnswerThatIsNotTakenIsAskedForAgainWithTheReason) {
  CalledDesk desk([](const Considered& in, v1::ConsiderOfferResponse* out) {
    if (in.refusal().reason() == "TERMS_MISMATCH") return AcceptAll(in, out);
    if (in.has_refusal()) out->mutable_accept()->set_terms_hash(std::string(32, 'x'));
    return grpc::Status::OK;  // The first call gets no answer.
  });
  desk.Open();
  Deliver();
  Register("azure", desk.address());
  RecordAgreement();
  const v1::CapacityRequest request = Create();
  AwaitTrail(request, "NOTICE_ATTEMPTED INVALID_ANSWER");
  PassAPause();
  AwaitTrail(request, "NOTICE_ATTEMPTED DELIVERED");
  // The pause begins when the refusal has come back, which nothing shows but the next call.
  for (int i = 0; i < 600 && !desk.HasVisit(3, absl::Milliseconds(100)); ++i) PassAPause();
  AwaitTrail(request, "REQUEST_FULFILLED");
  EXPECT_EQ(desk.AwaitVisit(2).refusal().reason(), "INVALID_FIELD");
  EXPECT_THAT(desk.AwaitVisit(2).refusal().detail(),
              HasSubstr("accept, decline, counter, bid or later"));
}

TEST_F(DeliveryTest, AnEndpointMayComeAndGoWhileAnOfferIsOpen) {
  CalledDesk desk([](const Considered&, v1::ConsiderOfferResponse* out) {
    out->mutable_later();
    return grpc::Status::OK;
  });
  desk.Open();
  Deliver();
  RegisterProviders({"azure"});
  RecordAgreement();
  const v1::CapacityRequest first = Create();
  MoveTo("azure", desk.address());
  AwaitTrail(first, "NOTICE_ATTEMPTED DELIVERED");
  MoveTo("azure", "");
  const v1::CapacityRequest second = Create();
  MoveTo("azure", desk.address());
  AwaitTrail(second, "NOTICE_ATTEMPTED DELIVERED");
  for (const Considered& visit : desk.visits()) EXPECT_EQ(visit.attempt(), 1);
}

// R23.
TEST_F(DeliveryTest, ABrokenAlternativeIsSkippedAndARightsHolderIsStillAsked) {
  delivery_options_.courier.breaker_failures = 3;
  CalledDesk desk(AcceptAll);
  desk.Open();
  desk.Close();
  Deliver();
  Register("azure", desk.address());
  const v1::CapacityRequest first = CreateFor("azure");
  AwaitTrail(first, "NOTICE_ATTEMPTED UNAVAILABLE");
  PassAPause();
  AwaitTrail(first, "NOTICE_ATTEMPTED UNAVAILABLE", 2);
  PassAPause();
  AwaitHealth("azure", false);
  EXPECT_EQ(delivery_->counts().attempts.at({"azure", "UNAVAILABLE"}), 3);

  // As an alternative it is skipped, but for the share of requests that probe.
  for (int i = 0; i < 8; ++i) {
    const v1::CapacityRequest request = CreateFor("azure");
    const bool probes =
        std::stoi(request.name().substr(request.name().size() - 2), nullptr, 16) % 8 == 0;
    EXPECT_THAT(TrailOf(request), Contains(probes ? "OFFER_OPENED" : "PROVIDER_SKIPPED UNHEALTHY"));
  }
  // As a holder it is asked, and called.
  RecordAgreement();
  const v1::CapacityRequest request = Create();
  EXPECT_THAT(TrailOf(request),
              AllOf(Contains("OFFER_OPENED"), Not(Contains(HasSubstr("UNHEALTHY")))));
  AwaitTrail(request, "NOTICE_ATTEMPTED UNAVAILABLE");
  desk.Open();
  PassAPause();
  AwaitTrail(request, "REQUEST_FULFILLED");
  AwaitHealth("azure", true);
  EXPECT_EQ(delivery_->counts().standings[0].breaker, Breaker::State::kClosed);
}

TEST_F(DeliveryTest, AfterARestartASuccessClosesABreakerOfTheRecord) {
  CalledDesk desk(AcceptAll);
  desk.Open();
  Register("azure", desk.address());
  RecordAgreement();
  v1::ReportHealthRequest down;
  down.set_name("providers/azure");
  down.set_text("does not answer");
  down.set_request_id(NewKey());
  v1::Provider out;
  ASSERT_TRUE(providers_->ReportHealth(As("operator/ada").get(), down, &out).ok());
  Deliver();
  Create();
  AwaitHealth("azure", true);
}

TEST_F(DeliveryTest, AnEndpointThatCannotBeCalledIsNotRegistered) {
  const std::pair<const char*, const char*> wrong[] = {
      {"desk.example.org", ""}, {":7430", ""}, {"desk:0", ""},   {"desk:70000", ""},
      {"unix:/tmp/x:1", ""},    {"a b:1", ""}, {"::1:7430", ""}, {"", "desk.example.org"}};
  for (const auto& [address, server_name] : wrong) {
    v1::UpdateProviderRequest update;
    update.mutable_provider()->set_name("providers/coreweave");
    update.mutable_provider()->mutable_endpoint()->set_address(address);
    update.mutable_provider()->mutable_endpoint()->set_server_name(server_name);
    update.mutable_update_mask()->add_paths("endpoint");
    update.set_request_id(NewKey());
    v1::Provider out;
    const grpc::Status status = providers_->UpdateProvider(As("operator/ada").get(), update, &out);
    EXPECT_EQ(FieldIn(status), "provider.endpoint.address")
        << address << " " << status.error_message();
  }
  MoveTo("coreweave", "[::1]:7430");
}

}  // namespace
}  // namespace capbroker
