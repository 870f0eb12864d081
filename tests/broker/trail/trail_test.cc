// Golden trails: whole stories, decision by decision, as RULES tells them.
#include <gmock/gmock.h>

#include "broker/values/refusal.h"
#include "tests/broker/story.h"

namespace capbroker {
namespace {

using testing::ElementsAre;

TEST(Trail, HolderAcceptsAll) {
  Story story;
  ASSERT_TRUE(story.Create(SomeRequest(8000, "PRODUCT_INFERENCE")).ok());
  EXPECT_EQ(story.Get().state, RequestState::kHolderRound);
  ASSERT_TRUE(story.Accept("azure", 1).ok());
  EXPECT_THAT(story.Trail(),
              ElementsAre("REQUEST_RECEIVED 8000", "ROUTE_FIRST_REFUSAL 8000",
                          "OFFER_OPENED FIRST_OFFER azure 8000", "OFFER_ACCEPTED azure 8000",
                          "ALLOCATION_HELD azure 8000", "COMMITMENT_RESERVED azure",
                          "ALLOCATION_CONFIRMED azure 8000", "COMMITMENT_DRAWN azure",
                          "REQUEST_FULFILLED 8000"));
  EXPECT_EQ(story.Get().state, RequestState::kFulfilled);
  // 2.5 USD x 8,000 x 720 h.
  EXPECT_EQ(Format(story.book.account.commitments[0].drawn), "14400000 USD");
  EXPECT_EQ(story.book.account.commitments[0].reserved.micros, 0);
}

TEST(Trail, HolderDeclinesThenAnAlternativeAccepts) {
  Story story;
  ASSERT_TRUE(story.Create(SomeRequest(8000, "PRODUCT_INFERENCE")).ok());
  ASSERT_TRUE(story.Decline("azure", 1).ok());
  EXPECT_EQ(story.Get().state, RequestState::kFallback);
  ASSERT_TRUE(story.Accept("stargate-oracle", 2).ok());
  EXPECT_THAT(story.Trail(),
              ElementsAre("REQUEST_RECEIVED 8000", "ROUTE_FIRST_REFUSAL 8000",
                          "OFFER_OPENED FIRST_OFFER azure 8000", "OFFER_DECLINED azure",
                          "RIGHT_WAIVED azure 8000 DECLINED", "FALLBACK_STARTED 8000 SEQUENTIAL",
                          "OFFER_OPENED ALTERNATIVE stargate-oracle 8000",
                          "OFFER_ACCEPTED stargate-oracle 8000",
                          "MATCH_NOT_REQUIRED stargate-oracle WITHIN_TOLERANCE",
                          "ALLOCATION_HELD stargate-oracle 8000",
                          "ALLOCATION_CONFIRMED stargate-oracle 8000", "REQUEST_FULFILLED 8000"));
  EXPECT_EQ(story.book.account.commitments[0].drawn.micros, 0)
      << "placements with others never draw";
}

// R4, R5: the deadline instant is timely; after it the right is waived.
TEST(Trail, SilenceLapsesTheOffer) {
  Story story;
  ASSERT_TRUE(story.Create(SomeRequest(8000, "PRODUCT_INFERENCE")).ok());
  story.MoveTo(kNoon + Hours(72));
  EXPECT_EQ(story.Get().offers[0].state, OfferState::kOpen);
  story.MoveTo(kNoon + Hours(72) + Span{1});
  story.MoveTo(story.now + Span{1});
  EXPECT_EQ(story.Get().offers[0].state, OfferState::kLapsed);
  EXPECT_EQ(story.Get().offers[0].answered, kNoon + Hours(72) + Span{1});
  EXPECT_THAT(story.Trail(),
              ElementsAre("REQUEST_RECEIVED 8000", "ROUTE_FIRST_REFUSAL 8000",
                          "OFFER_OPENED FIRST_OFFER azure 8000", "OFFER_LAPSED azure",
                          "RIGHT_WAIVED azure 8000 SILENCE", "FALLBACK_STARTED 8000 SEQUENTIAL",
                          "OFFER_OPENED ALTERNATIVE stargate-oracle 8000"));
}

// RULES section 8, to the letter.
TEST(Trail, PartialAcceptanceAndRemainder) {
  Story story;
  ASSERT_TRUE(story.Create(SomeRequest(8000, "PRODUCT_INFERENCE")).ok());
  ASSERT_TRUE(story.Accept("azure", 1, 5000).ok());
  ASSERT_TRUE(story.Accept("stargate-oracle", 2).ok());
  EXPECT_THAT(
      story.Trail(),
      ElementsAre("REQUEST_RECEIVED 8000", "ROUTE_FIRST_REFUSAL 8000",
                  "OFFER_OPENED FIRST_OFFER azure 8000", "OFFER_PARTIALLY_ACCEPTED azure 5000",
                  "ALLOCATION_HELD azure 5000", "COMMITMENT_RESERVED azure",
                  "RIGHT_WAIVED azure 3000 REMAINDER", "FALLBACK_STARTED 3000 SEQUENTIAL",
                  "OFFER_OPENED ALTERNATIVE stargate-oracle 3000",
                  "OFFER_ACCEPTED stargate-oracle 3000",
                  "MATCH_NOT_REQUIRED stargate-oracle WITHIN_TOLERANCE",
                  "ALLOCATION_HELD stargate-oracle 3000", "ALLOCATION_CONFIRMED azure 5000",
                  "COMMITMENT_DRAWN azure", "ALLOCATION_CONFIRMED stargate-oracle 3000",
                  "REQUEST_FULFILLED 8000"));
}

TEST(Trail, ExclusiveHolderDeclinesAndTheRequestIsBlocked) {
  Story story;
  ASSERT_TRUE(story.Create(SomeRequest(500, "API_SERVING")).ok());
  ASSERT_TRUE(story.Decline("azure", 1).ok());
  EXPECT_THAT(story.Trail(),
              ElementsAre("REQUEST_RECEIVED 500", "ROUTE_EXCLUSIVE 500",
                          "OFFER_OPENED EXCLUSIVE_ASK azure 500", "OFFER_DECLINED azure",
                          "REQUEST_BLOCKED azure 500 DECLINED"));
  EXPECT_EQ(story.Get().state, RequestState::kBlocked);
  story.MoveTo(At("2025-06-02T00:00:00Z"));
  EXPECT_EQ(story.Get().state, RequestState::kExpired);
}

TEST(Trail, TheWaiverSendsTrainingStraightToAnAlternative) {
  Story story;
  ASSERT_TRUE(story.Create(SomeRequest(4000, "MODEL_DEVELOPMENT", "TRAINING")).ok());
  ASSERT_TRUE(story.Accept("stargate-oracle", 1).ok());
  EXPECT_THAT(
      story.Trail(),
      ElementsAre("REQUEST_RECEIVED 4000", "WAIVER_TESTED MET", "ROUTE_WAIVED 4000",
                  "WAIVER_DRAWN 4000", "FALLBACK_STARTED 4000 SEQUENTIAL",
                  "OFFER_OPENED ALTERNATIVE stargate-oracle 4000",
                  "OFFER_ACCEPTED stargate-oracle 4000", "ALLOCATION_HELD stargate-oracle 4000",
                  "ALLOCATION_CONFIRMED stargate-oracle 4000", "REQUEST_FULFILLED 4000"));
  EXPECT_EQ(story.book.account.waivers[0].drawn, 4000);
}

TEST(Trail, NobodyHasIt) {
  Story story;
  ASSERT_TRUE(story.Create(SomeRequest(8000, "PRODUCT_INFERENCE")).ok());
  ASSERT_TRUE(story.Decline("azure", 1).ok());
  ASSERT_TRUE(story.Decline("stargate-oracle", 2).ok());
  ASSERT_TRUE(story.Decline("stargate-softbank", 3).ok());
  EXPECT_EQ(story.Get().state, RequestState::kUnfilled);
  ASSERT_EQ(story.Get().reasons.size(), 3u);
  EXPECT_EQ(story.Get().reasons[2].provider.value, "stargate-softbank");
  EXPECT_EQ(story.Get().reasons[2].reason, "DECLINED:NO_CAPACITY");
}

// What a provider refuses for one use it may take for another.
TEST(Trail, ARefusalInOneLineagePassesNobodyOverInAnother) {
  Story story;
  Request request = SomeRequest(8000, "PRODUCT_INFERENCE");
  request.segments = {{"PRODUCT_INFERENCE", "", 2000}, {"MODEL_DEVELOPMENT", "TRAINING", 6000}};
  ASSERT_TRUE(story.Create(request).ok());
  const auto open = [&](const std::string& provider) -> uint32_t {
    for (const Offer& offer : story.Get().offers) {
      if (offer.provider.value == provider && offer.state == OfferState::kOpen) return offer.number;
    }
    ADD_FAILURE() << provider << " is not asked";
    return 0;
  };
  ASSERT_TRUE(story.Decline("stargate-oracle", open("stargate-oracle")).ok());  // Training.
  ASSERT_TRUE(story.Decline("azure", open("azure")).ok());                      // Inference.
  const Offer* offer = story.Get().Find(open("stargate-oracle"));
  ASSERT_NE(offer, nullptr);
  EXPECT_EQ(offer->quantity, 2000);
  ASSERT_TRUE(story.Accept("stargate-oracle", offer->number).ok());
  ASSERT_TRUE(story.Accept("stargate-softbank", open("stargate-softbank")).ok());
  EXPECT_EQ(story.Get().state, RequestState::kFulfilled);
}

// Segments that differ go apart, each under its own clause; what is free is placed while the rest
// is blocked.
TEST(Trail, SplittableRequestGoesTwoWays) {
  Story story;
  Request request = SomeRequest(3000, "PRODUCT_INFERENCE");
  request.segments = {{"PRODUCT_INFERENCE", "", 2000}, {"API_SERVING", "", 1000}};
  ASSERT_TRUE(story.Create(request).ok());
  ASSERT_TRUE(story.Accept("azure", 1).ok());
  EXPECT_EQ(story.Get().offers[0].allocation.state, AllocationState::kHeld);
  ASSERT_TRUE(story.Decline("azure", 2).ok());
  EXPECT_EQ(story.Get().state, RequestState::kBlocked);
  EXPECT_EQ(story.Get().offers[0].allocation.state, AllocationState::kConfirmed);
  ASSERT_TRUE(story.Do({Role::kOwner, "openai"}, CancelRequest{story.current, ""}).ok());
  EXPECT_EQ(story.Get().state, RequestState::kCancelled);
  EXPECT_EQ(story.Get().Standing(), 2000) << "what is confirmed stands";
}

TEST(Trail, ApiExclusivityIsNeverDiluted) {
  Story story;
  Request request = SomeRequest(3000, "PRODUCT_INFERENCE");
  request.segments = {{"MODEL_DEVELOPMENT", "TRAINING", 2900}, {"API_SERVING", "", 100}};
  request.splittable = false;
  ASSERT_TRUE(story.Create(request).ok());
  ASSERT_EQ(story.Get().lineages.size(), 1u);
  EXPECT_EQ(story.Get().lineages[0].route, Kind::ROUTE_EXCLUSIVE);
  EXPECT_EQ(story.Get().offers[0].quantity, 3000);
  EXPECT_TRUE(story.book.account.waivers.empty()) << "a waiver that does not govern is not drawn";
}

TEST(Trail, CancelRescindsAndReleases) {
  Story story;
  ASSERT_TRUE(story.Create(SomeRequest(8000, "PRODUCT_INFERENCE")).ok());
  ASSERT_TRUE(story.Accept("azure", 1, 5000).ok());
  ASSERT_TRUE(
      story.Do({Role::kOwner, "openai"}, CancelRequest{story.current, "no longer needed"}).ok());
  const std::vector<std::string> trail = story.Trail();
  EXPECT_THAT(std::vector<std::string>(trail.end() - 4, trail.end()),
              ElementsAre("OFFER_RESCINDED stargate-oracle CANCELLED",
                          "ALLOCATION_RELEASED azure 5000 CANCELLED", "COMMITMENT_RELEASED azure",
                          "REQUEST_CANCELLED"));
  EXPECT_EQ(story.book.account.commitments[0].reserved.micros, 0);
  // The race's loser is told so, and the refusal is recorded once.
  const absl::Status late = story.Accept("stargate-oracle", 2);
  EXPECT_EQ(late.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(ReasonOf(late), "OFFER_RESCINDED");
  EXPECT_EQ(story.Trail().back(), "RESPONSE_REJECTED stargate-oracle OFFER_RESCINDED");
  const uint64_t sequence = story.book.sequence;
  EXPECT_EQ(story.Accept("stargate-oracle", 2).code(), absl::StatusCode::kAborted);
  EXPECT_EQ(story.book.sequence, sequence);
  // A repeated cancel changes nothing.
  EXPECT_TRUE(story.Do({Role::kOwner, "openai"}, CancelRequest{story.current, ""}).ok());
  EXPECT_EQ(story.book.sequence, sequence);
}

// R26.
TEST(Trail, LateAnswerIsRefusedAndRecorded) {
  Story story;
  ASSERT_TRUE(story.Create(SomeRequest(8000, "PRODUCT_INFERENCE")).ok());
  story.MoveTo(kNoon + Hours(73));
  const absl::Status late = story.Accept("azure", 1);
  EXPECT_EQ(late.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(late), "LATE_ANSWER");
  EXPECT_EQ(FactsOf(late)[2], std::pair(std::string("deadline"), Format(kNoon + Hours(72))));
  EXPECT_EQ(FactsOf(late)[3], std::pair(std::string("server_time"), Format(kNoon + Hours(73))));
  EXPECT_EQ(story.Trail().back(), "RESPONSE_REJECTED azure LATE_ANSWER");
}

// R8.
TEST(Trail, NobodyIsAskedInsideACoolDown) {
  Story story;
  ASSERT_TRUE(story.Create(SomeRequest(8000, "PRODUCT_INFERENCE")).ok());
  ASSERT_TRUE(story.Decline("azure", 1, Hours(48)).ok());
  ASSERT_TRUE(story.Decline("stargate-oracle", 2, Hours(1)).ok());
  story.now = kNoon + Hours(2);
  ASSERT_TRUE(story.Create(SomeRequest(2000, "PRODUCT_INFERENCE")).ok());
  EXPECT_THAT(story.Trail(),
              ElementsAre("REQUEST_RECEIVED 2000", "ROUTE_FIRST_REFUSAL 2000",
                          "PROVIDER_SKIPPED azure COOL_DOWN", "FALLBACK_STARTED 2000 SEQUENTIAL",
                          "OFFER_OPENED ALTERNATIVE stargate-oracle 2000"));
  // Elsewhere, or of another kind, it is asked.
  Request elsewhere = SomeRequest(2000, "PRODUCT_INFERENCE");
  elsewhere.terms.region = "eu-north";
  ASSERT_TRUE(story.Create(elsewhere).ok());
  EXPECT_EQ(story.Trail()[2], "OFFER_OPENED FIRST_OFFER azure 2000");
}

TEST(Trail, NorIsAnAlternative) {
  Story story;
  ASSERT_TRUE(story.Create(SomeRequest(8000, "PRODUCT_INFERENCE")).ok());
  ASSERT_TRUE(story.Decline("azure", 1).ok());
  ASSERT_TRUE(story.Decline("stargate-oracle", 2, Hours(48)).ok());
  const auto ask_again = [&](Instant when) {
    story.now = when;
    EXPECT_TRUE(story.Create(SomeRequest(2000, "PRODUCT_INFERENCE")).ok());
    EXPECT_TRUE(story.Decline("azure", 1).ok());
    const std::vector<std::string> trail = story.Trail();
    return std::vector<std::string>(trail.begin() + 6, trail.end());
  };
  EXPECT_THAT(ask_again(kNoon + Hours(48) - Span{1}),
              ElementsAre("PROVIDER_SKIPPED stargate-oracle COOL_DOWN",
                          "OFFER_OPENED ALTERNATIVE stargate-softbank 2000"));
  EXPECT_THAT(ask_again(kNoon + Hours(48)),
              ElementsAre("OFFER_OPENED ALTERNATIVE stargate-oracle 2000"))
      << "the cool-down has ended";
}

TEST(Trail, AWindowThatDoesNotFitIsNotOpened) {
  Story story;
  Request request = SomeRequest(8000, "PRODUCT_INFERENCE");
  request.expiry = kNoon + Hours(72) + Hours(24);
  ASSERT_TRUE(story.Create(request).ok());
  story.MoveTo(kNoon + Hours(80));
  EXPECT_EQ(story.Get().state, RequestState::kUnfilled) << "windows are never clipped (R25)";
  EXPECT_EQ(story.Get().reasons[0].reason, "TOO_LATE");
}

TEST(Trail, ProvidersAreSkippedWithReasons) {
  Story story;
  Provider oracle = *story.directory.Find(ProviderId{"stargate-oracle"});
  oracle.rates = {{"h100", "", *ParseMoney("9 USD")}};
  story.directory.Put(oracle);
  Provider softbank = *story.directory.Find(ProviderId{"stargate-softbank"});
  softbank.suspended = true;
  story.directory.Put(softbank);
  Provider coreweave = *story.directory.Find(ProviderId{"coreweave"});
  coreweave.rates = {{"a100", "", *ParseMoney("1 USD")}};
  story.directory.Put(coreweave);
  Request request = SomeRequest(800, "PRODUCT_INFERENCE");
  request.fallback.providers = {};
  request.price_cap = *ParseMoney("3 USD");
  ASSERT_TRUE(story.Create(request).ok());
  ASSERT_TRUE(story.Decline("azure", 1).ok());
  EXPECT_THAT(story.Trail(),
              ElementsAre("REQUEST_RECEIVED 800", "ROUTE_FIRST_REFUSAL 800",
                          "OFFER_OPENED FIRST_OFFER azure 800", "OFFER_DECLINED azure",
                          "RIGHT_WAIVED azure 800 DECLINED", "FALLBACK_STARTED 800 SEQUENTIAL",
                          "PROVIDER_SKIPPED azure ALREADY_ASKED",
                          "PROVIDER_SKIPPED stargate-oracle PRICE_CAP",
                          "PROVIDER_SKIPPED stargate-softbank SUSPENDED",
                          "PROVIDER_SKIPPED coreweave NOT_OFFERED",
                          "OFFER_OPENED ALTERNATIVE openai-own-build 800"));
}

// R17: a right whose clause ended opens no new round; an offer that is out runs off.
TEST(Trail, AmendmentEndsARightBetweenRounds) {
  AgreementVersion junior = SeedAgreement();
  junior.agreement = AgreementId{"coreweave"};
  junior.holder = ProviderId{"coreweave"};
  junior.clauses = {junior.clauses[1]};
  As<FirstRefusal>(junior.clauses[0])->priority = 1;
  Story story;
  ASSERT_TRUE(story.Do({Role::kOperator, "ops"}, ActivateAgreement{junior}).ok());
  ASSERT_TRUE(story.Create(SomeRequest(8000, "PRODUCT_INFERENCE")).ok());
  junior.version = 2;
  junior.effective_from = kNoon + Hours(1);
  junior.clauses[0] = {.id = ClauseId{"C9"}, .text = "the right is given up", .content = Noted{}};
  ASSERT_TRUE(story.Do({Role::kOperator, "ops"}, ActivateAgreement{junior}).ok());
  story.now = kNoon + Hours(2);
  ASSERT_TRUE(story.Decline("azure", 1).ok());
  const std::vector<std::string> trail = story.Trail();
  EXPECT_THAT(
      std::vector<std::string>(trail.begin() + 3, trail.end()),
      ElementsAre("OFFER_DECLINED azure", "RIGHT_WAIVED azure 8000 DECLINED",
                  "PROVIDER_SKIPPED coreweave CLAUSE_ENDED", "FALLBACK_STARTED 8000 SEQUENTIAL",
                  "OFFER_OPENED ALTERNATIVE stargate-oracle 8000"));
}

// Two first refusals: the junior sees the remainder only.
TEST(Trail, JuniorHolderSeesTheRemainder) {
  AgreementVersion junior = SeedAgreement();
  junior.agreement = AgreementId{"coreweave"};
  junior.holder = ProviderId{"coreweave"};
  junior.clauses = {junior.clauses[1]};
  As<FirstRefusal>(junior.clauses[0])->priority = 1;
  Story story;
  ASSERT_TRUE(story.Do({Role::kOperator, "ops"}, ActivateAgreement{junior}).ok());
  ASSERT_TRUE(story.Create(SomeRequest(8000, "PRODUCT_INFERENCE")).ok());
  ASSERT_TRUE(story.Accept("azure", 1, 5000).ok());
  EXPECT_EQ(story.Trail().back(), "OFFER_OPENED FIRST_OFFER coreweave 3000");
  ASSERT_TRUE(story.Accept("coreweave", 2).ok());
  EXPECT_EQ(story.Get().state, RequestState::kFulfilled);
}

// R22.
TEST(Trail, AnOutageIsAddedBack) {
  AgreementVersion agreement = SeedAgreement();
  AskingOf(agreement.clauses[1])->toll_over = Hours(1);
  Story story(agreement);
  ASSERT_TRUE(story.Create(SomeRequest(8000, "PRODUCT_INFERENCE")).ok());
  story.now = kNoon + Hours(74);
  const auto resume = [&](int64_t since) {
    return story.Do({Role::kBroker, ""}, Resume{story.current, kNoon + Hours(since), Span{}}).ok();
  };
  EXPECT_THAT(RequestsToToll(story.book, kNoon + Hours(71), Span{}, story.now),
              ElementsAre(story.current));
  EXPECT_THAT(RequestsToToll(story.book, kNoon + Hours(73), Span{}, story.now), ElementsAre());
  ASSERT_TRUE(resume(73));  // As long as the threshold is not longer.
  EXPECT_EQ(story.Get().offers[0].deadline, kNoon + Hours(72));
  ASSERT_TRUE(resume(69));
  EXPECT_EQ(story.Trail().back(), "DEADLINE_TOLLED azure");
  EXPECT_EQ(story.Get().offers[0].deadline, kNoon + Hours(77)) << "the three hours that were left";
  ASSERT_TRUE(resume(71));  // Given back once.
  EXPECT_EQ(story.Get().offers[0].deadline, kNoon + Hours(77));
  ASSERT_TRUE(story.Do({Role::kBroker, ""}, Resume{{}, kNoon + Hours(69)}).ok());
  EXPECT_EQ(story.last.decisions[0].kind, Kind::RECOVERY_RESUMED);
  EXPECT_EQ(story.last.decisions[0].downtime, Hours(5));
  // This recovery went down before it was known to be over: what it gave back is not given again.
  story.now = kNoon + Hours(76);
  ASSERT_TRUE(story.Do({Role::kBroker, ""}, Resume{story.current, kNoon + Hours(69)}).ok());
  EXPECT_EQ(story.Get().offers[0].deadline, kNoon + Hours(79)) << "the three hours that were left";
}

// R22: an offer that was opened during the outage has missed no more than its own time.
TEST(Trail, AnOfferOpenedInAnOutageGetsBackWhatItMissed) {
  AgreementVersion agreement = SeedAgreement();
  AskingOf(agreement.clauses[1])->toll_over = Hours(1);
  Story story(agreement);
  story.now = kNoon + Hours(1);
  ASSERT_TRUE(story.Create(SomeRequest(8000, "PRODUCT_INFERENCE")).ok());
  story.now = kNoon + Hours(3);
  ASSERT_TRUE(story.Do({Role::kBroker, ""}, Resume{story.current, kNoon}).ok());
  EXPECT_EQ(story.Get().offers[0].deadline, kNoon + Hours(1 + 72 + 2));
  EXPECT_EQ(story.last.decisions[0].downtime, Hours(2));
}

// R29.
TEST(Trail, ARequestIsAsOldAsItsLastAct) {
  Story story;
  ASSERT_TRUE(story.Create(SomeRequest(8000, "PRODUCT_INFERENCE")).ok());
  EXPECT_EQ(story.Get().sequence, story.book.sequence);
  ASSERT_TRUE(story.Decline("azure", 1).ok());
  EXPECT_EQ(story.Get().sequence, story.book.sequence);
}

// R21: what was drawn for time not used is restored.
TEST(Trail, ReleaseRestoresTheUnusedPart) {
  Story story;
  ASSERT_TRUE(story.Create(SomeRequest(8000, "PRODUCT_INFERENCE")).ok());
  ASSERT_TRUE(story.Accept("azure", 1).ok());
  story.now = At("2025-06-16T00:00:00Z");  // Half of the thirty days.
  ASSERT_TRUE(story.Do({Role::kOwner, "openai"}, ReleaseAllocation{story.current, 1, ""}).ok());
  EXPECT_EQ(Format(story.book.account.commitments[0].drawn), "7200000 USD");
  const uint64_t sequence = story.book.sequence;
  EXPECT_TRUE(story.Do({Role::kOwner, "openai"}, ReleaseAllocation{story.current, 1, ""}).ok());
  EXPECT_EQ(story.book.sequence, sequence);
}

TEST(Trail, TermEndsEveryClause) {
  Story story;
  story.MoveTo(At("2031-01-01T00:00:00Z"));
  EXPECT_EQ(story.last.decisions.size(), 5u);
  EXPECT_EQ(story.last.decisions[0].kind, Kind::CLAUSE_ENDED);
  EXPECT_EQ(story.last.time, At("2031-01-01T00:00:00Z"));
  Request request = SomeRequest(100, "API_SERVING");
  request.terms.start = request.needed_by = request.expiry = At("2031-06-01T00:00:00Z");
  request.terms.end = At("2031-07-01T00:00:00Z");
  ASSERT_TRUE(story.Create(request).ok());
  EXPECT_EQ(story.Get().lineages[0].route, Kind::ROUTE_OPEN);
}

}  // namespace
}  // namespace capbroker
