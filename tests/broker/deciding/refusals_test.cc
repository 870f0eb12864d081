// Bad input: one error that names the field, what was got and what was wanted; nothing is decided.
#include <gmock/gmock.h>

#include <functional>

#include "broker/values/refusal.h"
#include "tests/broker/story.h"

namespace capbroker {
namespace {

struct BadRequest {
  std::string field;
  std::function<void(Request&)> spoil;
};
class BadRequests : public testing::TestWithParam<BadRequest> {};

TEST_P(BadRequests, IsRefusedByName) {
  Story story;
  Request request = SomeRequest(8000, "PRODUCT_INFERENCE");
  GetParam().spoil(request);
  const uint64_t sequence = story.book.sequence;
  const absl::Status status = story.Create(request);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_EQ(FieldOf(status), GetParam().field) << status;
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(testing::HasSubstr("got "), testing::HasSubstr("want ")));
  EXPECT_EQ(story.book.sequence, sequence);
}

const auto kHuge = kMostQuantity + 1;
INSTANTIATE_TEST_SUITE_P(
    Fields, BadRequests,
    testing::Values(
        BadRequest{"terms.resource_type", [](Request& r) { r.terms.resource_type = ""; }},
        BadRequest{"terms.resource_type",
                   [](Request& r) { r.terms.resource_type = std::string(64, 'h'); }},
        BadRequest{"terms.resource_type",
                   [](Request& r) { r.terms.resource_type = std::string("h\0", 2); }},
        BadRequest{"terms.region", [](Request& r) { r.terms.region = "us east"; }},
        BadRequest{"terms.unit", [](Request& r) { r.terms.unit = ""; }},
        BadRequest{"terms.quantity", [](Request& r) { r.terms.quantity = 0; }},
        BadRequest{"terms.quantity", [](Request& r) { r.terms.quantity = -8000; }},
        BadRequest{"terms.quantity", [](Request& r) { r.terms.quantity = kHuge; }},
        BadRequest{"terms.start_time", [](Request& r) { r.terms.start = {}; }},
        BadRequest{"terms.end_time", [](Request& r) { r.terms.end = r.terms.start; }},
        BadRequest{"terms.end_time", [](Request& r) { r.terms.end = r.terms.start - Span{1}; }},
        BadRequest{"terms.end_time",
                   [](Request& r) { r.terms.end = r.terms.start + kLongestSpan + Span{1}; }},
        BadRequest{"terms.unit_price", [](Request& r) { r.terms.unit_price = {}; }},
        BadRequest{"terms.unit_price", [](Request& r) { r.terms.unit_price.micros = -1; }},
        BadRequest{"terms.unit_price", [](Request& r) { r.terms.unit_price.micros = INT64_MAX; }},
        BadRequest{"terms.availability_ppm",
                   [](Request& r) { r.terms.availability_ppm = 1'000'001; }},
        BadRequest{"terms.conditions[1]",
                   [](Request& r) {
                     r.terms.conditions = {"fine", ""};
                   }},
        BadRequest{"terms.conditions[0]",
                   [](Request& r) { r.terms.conditions = {std::string(257, 'x')}; }},
        BadRequest{"terms.conditions", [](Request& r) { r.terms.conditions.assign(33, "x"); }},
        BadRequest{"segments", [](Request& r) { r.segments = {}; }},
        BadRequest{"segments", [](Request& r) { r.segments[0].quantity = 7999; }},
        BadRequest{"segments", [](Request& r) { r.segments.resize(33, r.segments[0]); }},
        BadRequest{"segments[0].quantity", [](Request& r) { r.segments[0].quantity = 0; }},
        BadRequest{"segments[0].quantity", [](Request& r) { r.segments[0].quantity = INT64_MAX; }},
        BadRequest{"segments[0].workload_class",
                   [](Request& r) { r.segments[0].workload_class = ""; }},
        BadRequest{"segments[0].purpose", [](Request& r) { r.segments[0].purpose = "two words"; }},
        BadRequest{"price_cap", [](Request& r) { r.price_cap = *ParseMoney("2.4 USD"); }},
        BadRequest{"price_cap", [](Request& r) { r.price_cap = *ParseMoney("3 EUR"); }},
        BadRequest{"price_cap", [](Request& r) { r.price_cap = *ParseMoney("9000000000000 USD"); }},
        BadRequest{"smallest_useful_quantity", [](Request& r) { r.smallest_useful = -1; }},
        BadRequest{"smallest_useful_quantity", [](Request& r) { r.smallest_useful = 8001; }},
        BadRequest{"fallback_policy.fan_out",
                   [](Request& r) { r.fallback.kind = FallbackKind::kFanOut; }},
        BadRequest{"fallback_policy.fan_out", [](Request& r) { r.fallback.fan_out = 2; }},
        BadRequest{"fallback_policy.confirm_within",
                   [](Request& r) { r.fallback.confirm_within = Hours(-1); }},
        BadRequest{"fallback_policy.withdraw_notice",
                   [](Request& r) { r.fallback.withdraw_notice = Hours(-1); }},
        BadRequest{"fallback_policy.step_window", [](Request& r) { r.fallback.step_window = {}; }},
        BadRequest{"fallback_policy.providers[0]",
                   [](Request& r) { r.fallback.providers = {{"nobody"}}; }},
        BadRequest{"fallback_policy.providers[1]",
                   [](Request& r) {
                     r.fallback.providers = {{"azure"}, {"azure"}};
                   }},
        BadRequest{"needed_by_time", [](Request& r) { r.needed_by = kNoon; }},
        BadRequest{"expire_time", [](Request& r) { r.expiry = kNoon; }},
        BadRequest{"labels",
                   [](Request& r) {
                     r.labels = {{"a b", "x"}};
                   }},
        BadRequest{"labels[a]", [](Request& r) {
                     r.labels = {{"a", std::string(1025, 'x')}};
                   }}));

struct BadAgreement {
  std::string field;
  std::function<void(AgreementVersion&)> spoil;
};
class BadAgreements : public testing::TestWithParam<BadAgreement> {};

TEST_P(BadAgreements, IsRefusedByName) {
  Story story;
  AgreementVersion version = SeedAgreement();
  version.version = 2;
  version.effective_from = kNoon;
  GetParam().spoil(version);
  const absl::Status status = story.Do({Role::kOperator, "ops"}, ActivateAgreement{version});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_EQ(FieldOf(status), GetParam().field) << status;
}

INSTANTIATE_TEST_SUITE_P(
    Fields, BadAgreements,
    testing::Values(
        BadAgreement{"effective_from", [](AgreementVersion& v) { v.effective_from = {}; }},
        BadAgreement{"effective_from",
                     [](AgreementVersion& v) { v.effective_from = At("2025-01-21T00:00:00Z"); }},
        BadAgreement{"effective_to",
                     [](AgreementVersion& v) { v.effective_to = v.effective_from; }},
        BadAgreement{"version", [](AgreementVersion& v) { v.version = 3; }},
        BadAgreement{"holder", [](AgreementVersion& v) { v.holder = ProviderId{"nobody"}; }},
        BadAgreement{"holder", [](AgreementVersion& v) { v.holder = ProviderId{"coreweave"}; }},
        BadAgreement{"clauses", [](AgreementVersion& v) { v.clauses = {}; }},
        BadAgreement{"clauses[1].id",
                     [](AgreementVersion& v) { v.clauses[1].id = ClauseId{"C1"}; }},
        BadAgreement{"clauses[0].id", [](AgreementVersion& v) { v.clauses[0].id = ClauseId{"1"}; }},
        BadAgreement{"clauses[1].first_refusal.asking.window",
                     [](AgreementVersion& v) { AskingOf(v.clauses[1])->window = {}; }},
        BadAgreement{"clauses[1].first_refusal.asking.window",
                     [](AgreementVersion& v) { AskingOf(v.clauses[1])->window = Hours(-1); }},
        BadAgreement{
            "clauses[1].first_refusal.asking.window",
            [](AgreementVersion& v) { AskingOf(v.clauses[1])->window = Window::BusinessDays(3); }},
        BadAgreement{"clauses[0].exclusivity.asking.window",
                     [](AgreementVersion& v) {
                       AskingOf(v.clauses[0])->window = Window::BusinessDays(1001);
                     }},
        BadAgreement{"clauses[1].first_refusal.match_window",
                     [](AgreementVersion& v) {
                       As<FirstRefusal>(v.clauses[1])->match_window = Window::BusinessDays(3);
                     }},
        BadAgreement{"clauses[1].first_refusal.asking.calendar",
                     [](AgreementVersion& v) { AskingOf(v.clauses[1])->calendar = "office"; }},
        BadAgreement{
            "clauses[1].first_refusal.close_within",
            [](AgreementVersion& v) { As<FirstRefusal>(v.clauses[1])->close_within = Hours(-1); }},
        BadAgreement{
            "clauses[1].first_refusal.asking.confirm_within",
            [](AgreementVersion& v) { AskingOf(v.clauses[1])->confirm_within = Hours(-1); }},
        BadAgreement{
            "clauses[1].first_refusal.asking.counter_window",
            [](AgreementVersion& v) { AskingOf(v.clauses[1])->counter_window = Hours(-1); }},
        BadAgreement{
            "clauses[1].first_refusal.asking.release_share_ppm",
            [](AgreementVersion& v) { AskingOf(v.clauses[1])->release_share = {1'000'001}; }},
        BadAgreement{"clauses[1].first_refusal.asking.parts.allowed",
                     [](AgreementVersion& v) { AskingOf(v.clauses[1])->parts.allowed = false; }},
        BadAgreement{"clauses[1].first_refusal.priority",
                     [](AgreementVersion& v) { As<FirstRefusal>(v.clauses[1])->priority = -1; }},
        BadAgreement{
            "clauses[1].first_refusal.priority",
            [](AgreementVersion& v) { As<FirstRefusal>(v.clauses[1])->priority = 1'000'001; }},
        BadAgreement{"clauses[4].scope",
                     [](AgreementVersion& v) { v.clauses[4].scope.min_quantity = 1; }},
        BadAgreement{"clauses[2].waiver.lifted_clause_ids",
                     [](AgreementVersion& v) { As<Waiver>(v.clauses[2])->lifts = {}; }},
        BadAgreement{
            "clauses[2].waiver.lifted_clause_ids[0]",
            [](AgreementVersion& v) { As<Waiver>(v.clauses[2])->lifts = {ClauseId{"C4"}}; }},
        BadAgreement{
            "clauses[2].waiver.min_share_ppm",
            [](AgreementVersion& v) { As<Waiver>(v.clauses[2])->min_share_ppm = 1'000'001; }},
        BadAgreement{"clauses[2].waiver.cap_quantity",
                     [](AgreementVersion& v) { As<Waiver>(v.clauses[2])->cap_quantity = -1; }},
        BadAgreement{"clauses[2].waiver.end_time",
                     [](AgreementVersion& v) {
                       auto* waiver = As<Waiver>(v.clauses[2]);
                       waiver->start_time = waiver->end_time = kNoon;
                     }},
        BadAgreement{"clauses[3].commitment.amount",
                     [](AgreementVersion& v) { v.clauses[3].content = CommitmentClause{}; }},
        BadAgreement{"clauses[3].commitment.amount",
                     [](AgreementVersion& v) {
                       v.clauses[3].content = CommitmentClause{*ParseMoney("1 USD")};
                     }},
        BadAgreement{"clauses[4].term.end_time",
                     [](AgreementVersion& v) { v.clauses[4].content = Term{}; }},
        BadAgreement{"clauses[3].text",
                     [](AgreementVersion& v) { v.clauses[3].content = Noted{}; }},
        BadAgreement{"clauses[5].term",
                     [](AgreementVersion& v) {
                       v.clauses.push_back(v.clauses[4]);
                       v.clauses[5].id = ClauseId{"C6"};
                     }},
        BadAgreement{"clauses[0].scope.delivery_end_time", [](AgreementVersion& v) {
                       Scope& scope = v.clauses[0].scope;
                       scope.delivery_start_time = scope.delivery_end_time = kNoon;
                     }}));

TEST(Agreements, TheSameVersionTwiceIsNothingNew) {
  Story story;
  const uint64_t sequence = story.book.sequence;
  EXPECT_TRUE(story.Do({Role::kOperator, "ops"}, ActivateAgreement{SeedAgreement()}).ok());
  EXPECT_EQ(story.book.sequence, sequence);
  AgreementVersion changed = SeedAgreement();
  AskingOf(changed.clauses[1])->window = Hours(1);
  EXPECT_EQ(story.Do({Role::kOperator, "ops"}, ActivateAgreement{changed}).code(),
            absl::StatusCode::kAlreadyExists);
}

TEST(Agreements, TheNextVersionSupersedesAndRaises) {
  Story story;
  AgreementVersion next = SeedAgreement();
  next.version = 0;  // Whichever is next.
  next.effective_from = At("2025-10-28T00:00:00Z");
  next.clauses[3].content = CommitmentClause{*ParseMoney("260000000000 USD")};
  ASSERT_TRUE(story.Do({Role::kOperator, "ops"}, ActivateAgreement{next}).ok());
  ASSERT_EQ(story.last.decisions.size(), 3u);
  EXPECT_EQ(story.last.decisions[0].kind, Kind::AGREEMENT_SUPERSEDED);
  EXPECT_EQ(story.last.decisions[0].end_time, next.effective_from);
  EXPECT_EQ(story.last.decisions[2].kind, Kind::COMMITMENT_INCREASED);
  EXPECT_EQ(Format(story.last.decisions[2].amount), "250000000000 USD");
  EXPECT_EQ(story.book.account.Find(AgreementId{"azure"}, 1)->effective_to, next.effective_from);
  EXPECT_EQ(Format(story.book.account.commitments[0].committed), "260000000000 USD");
}

TEST(Agreements, TwoExclusiveHoldersOverOneScopeAndTime) {
  Story story;
  AgreementVersion other = SeedAgreement();
  other.agreement = AgreementId{"coreweave"};
  other.holder = ProviderId{"coreweave"};
  other.clauses = {other.clauses[0]};
  const auto apply = [&] { return story.Do({Role::kOperator, "ops"}, ActivateAgreement{other}); };
  EXPECT_EQ(ReasonOf(apply()), "EXCLUSIVITY_CONFLICT");
  other.clauses[0].scope.workload_classes = {};
  EXPECT_EQ(ReasonOf(apply()), "EXCLUSIVITY_CONFLICT") << "any overlaps all";
  other.effective_from = At("2031-01-01T00:00:00Z");
  EXPECT_TRUE(apply().ok()) << "the first's term ends where this begins";
}

struct BadAnswer {
  std::string name;
  int64_t quantity;
  bool good;
};
class Answers : public testing::TestWithParam<BadAnswer> {};
// R6: min <= q < quantity, in steps; here 1,000 and 8 of 8,003.
TEST_P(Answers, PartsFollowMinimumAndStep) {
  Story story;
  ASSERT_TRUE(story.Create(SomeRequest(8003, "PRODUCT_INFERENCE")).ok());
  const absl::Status status = story.Accept("azure", 1, GetParam().quantity);
  EXPECT_EQ(status.ok(), GetParam().good) << status;
  if (!GetParam().good) {
    EXPECT_EQ(FieldOf(status), "quantity");
    EXPECT_EQ(story.Get().offers[0].state, OfferState::kOpen);
  }
}
INSTANTIATE_TEST_SUITE_P(
    Table, Answers,
    testing::Values(BadAnswer{"Negative", -8, false}, BadAnswer{"BelowTheMinimum", 992, false},
                    BadAnswer{"TheMinimum", 1000, true}, BadAnswer{"OffTheStep", 1001, false},
                    BadAnswer{"OnTheStep", 1008, true}, BadAnswer{"All", 8003, true},
                    BadAnswer{"TooMuch", 8008, false}),
    [](const auto& info) { return info.param.name; });

TEST(Answers, OnlyTheAddresseeAnswers) {
  Story story;
  ASSERT_TRUE(story.Create(SomeRequest(8000, "PRODUCT_INFERENCE")).ok());
  const uint64_t sequence = story.book.sequence;
  EXPECT_EQ(story.Accept("coreweave", 1).code(), absl::StatusCode::kNotFound)
      << "that it exists is private";
  EXPECT_EQ(story.Accept("azure", 2).code(), absl::StatusCode::kNotFound);
  const Hash hash = story.Get().offers[0].terms_hash;
  EXPECT_EQ(story.Do({Role::kOwner, "openai"}, AcceptOffer{story.current, 1, hash, 0}).code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(story.Do({Role::kOwner, "other"}, CancelRequest{story.current, ""}).code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(story.book.sequence, sequence);
}

TEST(Answers, OtherTermsAreNotAccepted) {
  Story story;
  ASSERT_TRUE(story.Create(SomeRequest(8000, "PRODUCT_INFERENCE")).ok());
  const absl::Status status =
      story.Do({Role::kProvider, "azure"}, AcceptOffer{story.current, 1, Hash{}, 0});
  EXPECT_EQ(ReasonOf(status), "TERMS_MISMATCH");
  EXPECT_EQ(story.Get().offers[0].state, OfferState::kOpen);
}

TEST(Answers, WholeOrNotAtAll) {
  Story story;
  Request request = SomeRequest(8000, "PRODUCT_INFERENCE");
  request.splittable = false;
  ASSERT_TRUE(story.Create(request).ok());
  EXPECT_EQ(FieldOf(story.Accept("azure", 1, 4000)), "quantity");
  EXPECT_TRUE(story.Accept("azure", 1, 8000).ok());
}

// R3.
TEST(Deadlines, AreLengthenedNeverShortened) {
  Story story;
  ASSERT_TRUE(story.Create(SomeRequest(8000, "PRODUCT_INFERENCE")).ok());
  const Instant deadline = kNoon + Hours(72);
  const auto extend = [&](Instant to) {
    return story.Do({Role::kOwner, "openai"}, ExtendOffer{story.current, 1, to});
  };
  EXPECT_EQ(FieldOf(extend(deadline - Span{1})), "deadline");
  EXPECT_EQ(FieldOf(extend(story.Get().request->expiry + Span{1})), "deadline");
  EXPECT_TRUE(extend(deadline + Hours(24)).ok());
  story.MoveTo(deadline + Hours(24));
  EXPECT_TRUE(story.Accept("azure", 1).ok());
}

// R6: what could be taken in parts no smaller than all of it is offered whole.
TEST(Answers, APartIsLessThanAll) {
  AgreementVersion agreement = SeedAgreement();
  Story story(agreement);
  ASSERT_TRUE(story
                  .Create(SomeRequest(AskingOf(agreement.clauses[1])->parts.min_quantity,
                                      "PRODUCT_INFERENCE"))
                  .ok());
  EXPECT_EQ(story.Get().offers[0].min_quantity, 0);
  ASSERT_TRUE(story
                  .Create(SomeRequest(AskingOf(agreement.clauses[1])->parts.min_quantity + 1,
                                      "PRODUCT_INFERENCE"))
                  .ok());
  EXPECT_EQ(story.Get().offers[0].min_quantity, AskingOf(agreement.clauses[1])->parts.min_quantity);
}

// R8.
TEST(Answers, ACoolDownHasItsLongest) {
  Story story;
  ASSERT_TRUE(story.Create(SomeRequest(8000, "PRODUCT_INFERENCE")).ok());
  EXPECT_EQ(FieldOf(story.Decline("azure", 1, Hours(24 * 30) + Span{1})), "decline.cool_down");
  EXPECT_EQ(FieldOf(story.Decline("azure", 1, Span{-1})), "decline.cool_down");
  EXPECT_TRUE(story.Decline("azure", 1, Hours(24 * 30)).ok());
}

// R2.
TEST(Notices, SayWhatBecameOfThem) {
  Story story;
  ASSERT_TRUE(story.Create(SomeRequest(8000, "PRODUCT_INFERENCE")).ok());
  const Actor broker{Role::kBroker, ""};
  EXPECT_EQ(FieldOf(story.Do(broker, RecordNotice{story.current, 1, "", "watch"})), "outcome");
  EXPECT_TRUE(story.Do(broker, RecordNotice{story.current, 1, "DELIVERED", "watch"}).ok());
}

// R9: whatever is in the book, nothing above the cap is confirmed.
TEST(Holds, AreHeldAgainstTheCapOnceMore) {
  Story story;
  Request request = SomeRequest(800, "PRODUCT_INFERENCE");
  request.renewal = true;
  request.fallback.confirm_within = Hours(4);
  ASSERT_TRUE(story.Create(request).ok());
  ASSERT_TRUE(story.Accept("stargate-oracle", 1).ok());
  auto changed = std::make_shared<RequestBook>(*story.book.Find(story.current));
  changed->offers[0].unit_price = *ParseMoney("2.500001 USD");
  Put(story.book, changed);
  ASSERT_TRUE(
      story.Do({Role::kProvider, "stargate-oracle"}, ConfirmAllocation{story.current, 1}).ok());
  ASSERT_FALSE(story.last.decisions.empty());
  EXPECT_EQ(story.last.decisions[0].kind, Kind::ALLOCATION_EXPIRED);
  EXPECT_EQ(story.last.decisions[0].reason, "PRICE_CAP");
}

TEST(Providers, AreRegisteredOnceAndSuspended) {
  Story story;
  Book& book = story.book;
  book.owner = kDirectory;
  Provider provider;
  provider.id = ProviderId{"lambda"};
  EXPECT_TRUE(story.Do({Role::kOperator, "ops"}, RegisterProvider{provider}).ok());
  const uint64_t sequence = book.sequence;
  EXPECT_TRUE(story.Do({Role::kOperator, "ops"}, RegisterProvider{provider}).ok());
  EXPECT_EQ(book.sequence, sequence) << "the same again is nothing new";
  provider.display_name = "Lambda";
  EXPECT_EQ(story.Do({Role::kOperator, "ops"}, RegisterProvider{provider}).code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(story.Do({Role::kOperator, "ops"}, UpdateProvider{provider}).ok());
  EXPECT_TRUE(story.Do({Role::kOperator, "ops"}, SuspendProvider{provider.id, "fire"}).ok());
  EXPECT_TRUE(book.directory.Find(provider.id)->suspended);
  EXPECT_EQ(book.directory.Find(provider.id)->display_name, "Lambda");
  EXPECT_TRUE(story.Do({Role::kOperator, "ops"}, ResumeProvider{provider.id, ""}).ok());
  EXPECT_FALSE(book.directory.Find(provider.id)->suspended);
  EXPECT_EQ(story.Do({Role::kOperator, "ops"}, SuspendProvider{ProviderId{"x"}, ""}).code(),
            absl::StatusCode::kNotFound);
  provider.id = ProviderId{"Bad"};
  EXPECT_EQ(FieldOf(story.Do({Role::kOperator, "ops"}, RegisterProvider{provider})), "provider_id");
}

}  // namespace
}  // namespace capbroker
