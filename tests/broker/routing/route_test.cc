// RULES section 2: who has which right over which part.
#include "broker/routing/route.h"

#include <gmock/gmock.h>

#include <functional>

#include "broker/deciding/plan.h"
#include "tests/broker/story.h"

namespace capbroker {
namespace {

// "EXCLUSIVE 500 azure/1/C1; WAIVED 200 azure/1/C3"
std::string Told(const Routing& routing) {
  std::string out;
  for (const Route& route : routing.routes) {
    if (!out.empty()) out += "; ";
    out += Cat(NameOf(route.kind).substr(6), " ", SumOf(route.segments));
    for (const ClauseRef& ref : route.clauses) out += Cat(" ", Format(ref));
  }
  return out;
}

struct Case {
  std::string name;
  std::function<void(Request&)> request;
  std::string want;
  std::function<void(AgreementVersion&)> agreement = [](AgreementVersion&) {};
};

class RouteTable : public testing::TestWithParam<Case> {};

TEST_P(RouteTable, Routes) {
  AgreementVersion agreement = SeedAgreement();
  GetParam().agreement(agreement);
  Story story(agreement);
  Request request = SomeRequest(1000, "PRODUCT_INFERENCE");
  GetParam().request(request);
  const absl::StatusOr<Routing> routing = RouteRequest(request, story.book.account, story.now);
  EXPECT_EQ(routing.ok() ? Told(*routing) : std::string(View(routing.status().message())),
            GetParam().want);
}

void Split(Request& r, std::vector<Segment> segments, bool splittable) {
  r.segments = std::move(segments);
  r.splittable = splittable;
}

INSTANTIATE_TEST_SUITE_P(
    Rules, RouteTable,
    testing::Values(
        Case{"NewCapacityIsUnderFirstRefusal", [](Request&) {}, "FIRST_REFUSAL 1000 azure/1/C2"},
        Case{"ARenewalIsNot", [](Request& r) { r.renewal = true; }, "OPEN 1000"},
        Case{"ApiServingIsExclusive",
             [](Request& r) { r.segments[0].workload_class = "API_SERVING"; },
             "EXCLUSIVE 1000 azure/1/C1"},
        Case{"TrainingIsWaived", [](Request& r) { r.segments[0].purpose = "TRAINING"; },
             "WAIVED 1000 azure/1/C3"},
        Case{"AWaiverWithoutPurposesMatchesAnUnstatedOne", [](Request&) {},
             "WAIVED 1000 azure/1/C3",
             [](AgreementVersion& a) { a.clauses[2].scope.purposes = {}; }},
        Case{"AStatedOneMatchesAny", [](Request& r) { r.segments[0].purpose = "EVALUATION"; },
             "WAIVED 1000 azure/1/C3",
             [](AgreementVersion& a) { a.clauses[2].scope.purposes = {}; }},
        Case{"AWaiverLiftsOnlyWhatItNames",
             [](Request& r) {
               r.segments = {{"API_SERVING", "TRAINING", 1000}};
             },
             "EXCLUSIVE 1000 azure/1/C1"},
        Case{"PrimarilyIsReachedAtTheShare",
             [](Request& r) {
               Split(r, {{"X", "TRAINING", 500}, {"X", "", 500}}, true);
             },
             "WAIVED 500 azure/1/C3; FIRST_REFUSAL 500 azure/1/C2"},
        Case{"PrimarilyIsNotReachedBelowIt",
             [](Request& r) {
               Split(r, {{"X", "TRAINING", 499}, {"X", "", 501}}, true);
             },
             "FIRST_REFUSAL 1000 azure/1/C2"},
        Case{"TheMostRestrictiveGovernsAllIfNotSplittable",
             [](Request& r) {
               Split(r, {{"X", "TRAINING", 900}, {"X", "", 100}}, false);
             },
             "FIRST_REFUSAL 1000 azure/1/C2"},
        Case{"ExclusivityGovernsAllIfNotSplittable",
             [](Request& r) {
               Split(r, {{"X", "TRAINING", 999}, {"API_SERVING", "", 1}}, false);
             },
             "EXCLUSIVE 1000 azure/1/C1"},
        Case{"EqualRoutesAreOneLineage",
             [](Request& r) {
               Split(r, {{"X", "", 400}, {"API_SERVING", "", 1}, {"Y", "", 599}}, true);
             },
             "FIRST_REFUSAL 999 azure/1/C2; EXCLUSIVE 1 azure/1/C1"},
        Case{"TheCapIsReachedExactly", [](Request& r) { r.segments[0].purpose = "TRAINING"; },
             "WAIVED 1000 azure/1/C3",
             [](AgreementVersion& a) { As<Waiver>(a.clauses[2])->cap_quantity = 1000; }},
        Case{"OverTheCapTheWaiverDoesNotApply",
             [](Request& r) { r.segments[0].purpose = "TRAINING"; },
             "FIRST_REFUSAL 1000 azure/1/C2",
             [](AgreementVersion& a) { As<Waiver>(a.clauses[2])->cap_quantity = 999; }},
        Case{"BeforeItsDatesTheWaiverDoesNotApply",
             [](Request& r) { r.segments[0].purpose = "TRAINING"; },
             "FIRST_REFUSAL 1000 azure/1/C2",
             [](AgreementVersion& a) { As<Waiver>(a.clauses[2])->start_time = kNoon + Span{1}; }},
        Case{"FromItsFirstInstantItDoes", [](Request& r) { r.segments[0].purpose = "TRAINING"; },
             "WAIVED 1000 azure/1/C3",
             [](AgreementVersion& a) { As<Waiver>(a.clauses[2])->start_time = kNoon; }},
        Case{"AtItsEndItDoesNot", [](Request& r) { r.segments[0].purpose = "TRAINING"; },
             "FIRST_REFUSAL 1000 azure/1/C2",
             [](AgreementVersion& a) { As<Waiver>(a.clauses[2])->end_time = kNoon; }},
        Case{"OtherResourcesAreOpen", [](Request&) {}, "OPEN 1000",
             [](AgreementVersion& a) { a.clauses[1].scope.resource_types = {"a100"}; }},
        Case{"OtherRegionsAreOpen", [](Request&) {}, "OPEN 1000",
             [](AgreementVersion& a) { a.clauses[1].scope.regions = {"eu-north"}; }},
        Case{"BelowTheMinimumIsOpen", [](Request&) {}, "OPEN 1000",
             [](AgreementVersion& a) { a.clauses[1].scope.min_quantity = 1001; }},
        Case{"AtTheMinimumIsNot", [](Request&) {}, "FIRST_REFUSAL 1000 azure/1/C2",
             [](AgreementVersion& a) { a.clauses[1].scope.min_quantity = 1000; }},
        Case{"DeliveryAtTheWindowsEndIsOpen", [](Request&) {}, "OPEN 1000",
             [](AgreementVersion& a) {
               a.clauses[1].scope.delivery_end_time = At("2025-06-01T00:00:00Z");
             }},
        Case{"AfterTheTermIsOpen", [](Request&) {}, "OPEN 1000",
             [](AgreementVersion& a) { a.clauses[4].content = Term{kNoon}; }},
        Case{"BeforeTheEffectIsOpen", [](Request&) {}, "OPEN 1000",
             [](AgreementVersion& a) { a.effective_from = kNoon + Span{1}; }}),
    [](const auto& info) { return info.param.name; });

TEST(Route, SeniorityIsPriorityThenEffectThenId) {
  Story story;
  AgreementVersion other = SeedAgreement();
  other.clauses = {other.clauses[1]};
  other.holder = ProviderId{"coreweave"};
  other.agreement = AgreementId{"aaa"};
  As<FirstRefusal>(other.clauses[0])->priority = 1;
  ASSERT_TRUE(story.Do({Role::kOperator, "ops"}, ActivateAgreement{other}).ok());
  other.agreement = AgreementId{"bbb"};
  As<FirstRefusal>(other.clauses[0])->priority = 0;
  other.effective_from = At("2025-01-20T00:00:00Z");
  ASSERT_TRUE(story.Do({Role::kOperator, "ops"}, ActivateAgreement{other}).ok());
  other.agreement = AgreementId{"ccc"};
  other.effective_from = At("2025-01-21T00:00:00Z");
  ASSERT_TRUE(story.Do({Role::kOperator, "ops"}, ActivateAgreement{other}).ok());
  EXPECT_EQ(Told(RouteRequest(SomeRequest(1000, "X"), story.book.account, story.now)),
            "FIRST_REFUSAL 1000 bbb/1/C2 azure/1/C2 ccc/1/C2 aaa/1/C2");
}

TEST(Route, EveryClausePassedOverHasItsReason) {
  Story story;
  Request request = SomeRequest(1000, "X", "TRAINING");
  const Routing routing = RouteRequest(request, story.book.account, story.now);
  ASSERT_EQ(routing.routes[0].passed.size(), 2u);
  EXPECT_EQ(routing.routes[0].passed[0].reason, "OUT_OF_SCOPE");
  EXPECT_EQ(routing.routes[0].passed[1].reason, "WAIVED");
  EXPECT_EQ(routing.routes[0].passed[1].text, "by azure/1/C3");
  ASSERT_EQ(routing.tests.size(), 1u);
  EXPECT_EQ(routing.tests[0].figures[0].got, "1000000");
  EXPECT_EQ(routing.tests[0].figures[0].bound, "500000");
}

TEST(Route, PinnedToTheVersionInForce) {
  Story story;
  AgreementVersion next = SeedAgreement();
  next.version = 2;
  next.effective_from = kNoon + Hours(1);
  next.clauses.erase(next.clauses.begin() + 1, next.clauses.begin() + 3);
  ASSERT_TRUE(story.Do({Role::kOperator, "ops"}, ActivateAgreement{next}).ok());
  const Account& account = story.book.account;
  EXPECT_EQ(Told(RouteRequest(SomeRequest(1, "X"), account, kNoon + Hours(1) - Span{1})),
            "FIRST_REFUSAL 1 azure/1/C2");
  EXPECT_EQ(Told(RouteRequest(SomeRequest(1, "X"), account, kNoon + Hours(1))), "OPEN 1");
  EXPECT_EQ(Told(RouteRequest(SomeRequest(1, "API_SERVING"), account, kNoon + Hours(1))),
            "EXCLUSIVE 1 azure/2/C1");
}

TEST(Plan, IsWhatWouldHappenIfNobodyAnswered) {
  Story story;
  Request request = SomeRequest(8000, "PRODUCT_INFERENCE");
  request.id = MakeRequestId(kNoon, {1, 1});
  const Hash before = story.book.hash;
  const absl::StatusOr<Plan> plan =
      PlanRequest(story.book.owner, request, story.book.account, story.directory, story.now);
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->lineages.size(), 1u);
  const std::vector<PlannedStep>& steps = plan->lineages[0].steps;
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps[0].offer.provider.value, "azure");
  EXPECT_EQ(steps[0].latest_deadline, kNoon + Hours(72));
  EXPECT_EQ(steps[1].offer.provider.value, "stargate-oracle");
  EXPECT_EQ(steps[1].latest_deadline, kNoon + Hours(96) + Span{1});
  EXPECT_EQ(steps[2].earliest_open, kNoon);
  EXPECT_EQ(plan->latest_submit, request.needed_by - Hours(72));
  EXPECT_EQ(story.book.hash, before);
  EXPECT_EQ(story.book.requests.size(), 0u);
}

TEST(Plan, RefusesWhatCreateWouldRefuse) {
  Story story;
  Request request = SomeRequest(8000, "PRODUCT_INFERENCE");
  request.needed_by = kNoon + Hours(72) - Span{1};
  const auto plan =
      PlanRequest(story.book.owner, request, story.book.account, story.directory, story.now);
  EXPECT_EQ(plan.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(story.Create(request).message(), plan.status().message());
  request.needed_by = kNoon + Hours(72);
  EXPECT_TRUE(story.Create(request).ok()) << "the last instant at which the window fits";
}

}  // namespace
}  // namespace capbroker
