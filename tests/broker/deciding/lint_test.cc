// Every code of Lint, given and not given.
#include "broker/deciding/lint.h"

#include <gmock/gmock.h>

#include <functional>
#include <string>
#include <vector>

#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Instant At(std::string_view text) { return *ParseInstant(text); }

Clause Right(std::string id, ClauseKind kind, std::string workload_class) {
  Clause c;
  c.id = ClauseId{std::move(id)};
  c.scope.workload_classes = {std::move(workload_class)};
  if (kind == ClauseKind::kExclusivity) c.content = Exclusivity{{.window = Hours(72)}};
  if (kind == ClauseKind::kFirstRefusal) c.content = FirstRefusal{.asking = {.window = Hours(72)}};
  if (kind == ClauseKind::kWaiver) c.content = Waiver{.lifts = {ClauseId{"C2"}}};
  return c;
}

// A version that nothing is wrong with, beside another agreement of another holder, and its
// surroundings.
struct Stage {
  AgreementVersion version;
  AgreementVersion other;
  AgreementVersion before;  // The version before; there is none without a number.
  Account account;
  Directory directory;
  Provider azure;

  Clause& exclusivity() { return version.clauses[0]; }
  Clause& first() { return version.clauses[1]; }
  Clause& waiver() { return version.clauses[2]; }
  Clause& commitment() { return version.clauses[3]; }
  Clause& term() { return version.clauses[4]; }
  Clause& trigger() { return version.clauses[5]; }

  Stage() {
    version.agreement = AgreementId{"azure"};
    version.holder = ProviderId{"azure"};
    version.version = 1;
    version.effective_from = At("2025-01-21T00:00:00Z");
    Clause waiver = Right("C3", ClauseKind::kWaiver, "TRAINING");
    Clause commitment;
    commitment.id = ClauseId{"C4"};
    commitment.content = CommitmentClause{*ParseMoney("1000 USD")};
    Clause term;
    term.id = ClauseId{"C5"};
    term.content = Term{At("2031-01-01T00:00:00Z")};
    Clause trigger;
    trigger.id = ClauseId{"C6"};
    trigger.content = TriggerClause{
        .ends = {ClauseId{"C1"}, ClauseId{"C2"}},
        .attesters = {"auditor/kpmg", "provider/azure", "owner/openai", "operator/ops"}};
    version.clauses = {Right("C1", ClauseKind::kExclusivity, "API"),
                       Right("C2", ClauseKind::kFirstRefusal, "TRAINING"),
                       waiver,
                       commitment,
                       term,
                       trigger};
    AskingOf(version.clauses[0])->calendar = "desk";
    version.calendars = {{"desk", "America/Los_Angeles", {{1, 540, 1020}}, {}}};
    other.agreement = AgreementId{"coreweave"};
    other.holder = ProviderId{"coreweave"};
    other.version = 1;
    other.effective_from = At("2024-01-01T00:00:00Z");
    other.clauses = {Right("X1", ClauseKind::kExclusivity, "BATCH"),
                     Right("X2", ClauseKind::kFirstRefusal, "BATCH")};
    azure.id = version.holder;
  }

  std::vector<Finding> Find() {
    account.agreements = {std::make_shared<const AgreementVersion>(other)};
    if (before.version != 0)
      account.agreements.push_back(std::make_shared<const AgreementVersion>(before));
    directory = {};
    Provider coreweave;
    coreweave.id = other.holder;
    directory.Put(coreweave);
    if (!azure.id.empty()) directory.Put(azure);
    return Lint(version, OwnerId{"openai"}, account, directory);
  }
};

TEST(Lint, FindsNothingInAGoodVersion) {
  for (const Finding& found : Stage().Find())
    ADD_FAILURE() << found.code << " " << found.field << ": " << found.text;
  EXPECT_EQ(RefusalOf({}), absl::OkStatus());
}

// What is found after one change, all of it: "SEVERITY CODE field: text"; none if the change is
// harmless.
struct Row {
  std::string name;
  std::function<void(Stage&)> change;
  std::vector<std::string> want;
};
class Findings : public testing::TestWithParam<Row> {};

TEST_P(Findings, AreThese) {
  Stage stage;
  GetParam().change(stage);
  std::vector<std::string> got;
  for (const Finding& f : stage.Find()) {
    got.push_back(Cat(NameOf(f.severity), " ", f.code, " ", f.field, ": ", f.text));
    EXPECT_EQ(f.refusal.ok(), f.severity == Severity::kWarning) << f.refusal;
    if (!f.refusal.ok() && f.code != "EXCLUSIVITY_CONFLICT") {
      EXPECT_EQ(FieldOf(f.refusal), f.field);
      EXPECT_EQ(std::string(f.refusal.message()), Cat(f.field, ": ", f.text));
    }
  }
  EXPECT_EQ(got, GetParam().want);
}

std::vector<std::string> None() { return {}; }
constexpr auto name_of = [](const auto& row) { return row.param.name; };

const std::string kConflict =
    "ERROR EXCLUSIVITY_CONFLICT clauses[0].scope: clause C1 is exclusive over a scope in which "
    "coreweave/1/X1 of "
    "coreweave is exclusive too";
INSTANTIATE_TEST_SUITE_P(
    Exclusivity, Findings,
    testing::Values(
        Row{"SameScope",
            [](Stage& s) { s.other.clauses[0].scope = s.exclusivity().scope; },
            {kConflict}},
        Row{"AnyOverlapsAll", [](Stage& s) { s.other.clauses[0].scope = {}; }, {kConflict}},
        Row{"OfOneHolder",
            [](Stage& s) {
              s.other.clauses[0].scope = {};
              s.other.holder = s.version.holder;
            },
            None()},
        Row{"OfTheVersionBefore",
            [](Stage& s) {
              s.other = s.version;
              s.version.version = 2;
              s.version.effective_from = At("2026-01-01T00:00:00Z");
            },
            None()},
        Row{"EndsWhereThisBegins",
            [](Stage& s) {
              s.other.clauses[0].scope = {};
              s.other.effective_to = s.version.effective_from;
            },
            None()},
        Row{"EndsAMicrosecondLater",
            [](Stage& s) {
              s.other.clauses[0].scope = {};
              s.other.effective_to = s.version.effective_from + Span{1};
            },
            {kConflict}},
        Row{"BeginsWithThisTermsEnd",
            [](Stage& s) {
              s.other.clauses[0].scope = {};
              s.other.effective_from = As<Term>(s.term())->end_time;
            },
            None()},
        Row{"EndedByATrigger",
            [](Stage& s) {
              s.other.clauses[0].scope = {};
              s.account.ended = {{{s.other.agreement, 1, ClauseId{"X1"}}, s.other.effective_from}};
            },
            None()},
        Row{"AFirstRefusalBesideIt",
            [](Stage& s) { s.other.clauses[1].scope = s.exclusivity().scope; }, None()},
        Row{"TwoOfItsOwn",
            [](Stage& s) {
              s.version.clauses.push_back(Right("A7", ClauseKind::kExclusivity, "API"));
            },
            {"WARNING EXCLUSIVITY_OVERLAP clauses[0].scope: C1 and A7 are exclusive over some of "
             "the same "
             "scope, where "
             "A7 governs alone"}},
        Row{"TwoOfItsOwnApart",
            [](Stage& s) {
              s.version.clauses.push_back(Right("A7", ClauseKind::kExclusivity, "WEB"));
            },
            None()}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Priority, Findings,
    testing::Values(
        Row{"WithAnOlderAgreement",
            [](Stage& s) { s.other.clauses[1].scope = {}; },
            {"WARNING EQUAL_PRIORITY clauses[1].first_refusal.priority: C2 and coreweave/1/X2 of "
             "coreweave are "
             "first "
             "refusals of "
             "priority 0 over some of the same scope, where coreweave/1/X2 is asked first, in "
             "force the "
             "longer"}},
        Row{"WithAYoungerAgreement",
            [](Stage& s) {
              s.other.clauses[1].scope = {};
              s.other.effective_from = At("2026-01-01T00:00:00Z");
            },
            {"WARNING EQUAL_PRIORITY clauses[1].first_refusal.priority: C2 and coreweave/1/X2 of "
             "coreweave are "
             "first "
             "refusals of "
             "priority 0 over some of the same scope, where C2 is asked first, in force the "
             "longer"}},
        Row{"OfOneAge",
            [](Stage& s) {
              s.other.clauses[1].scope = {};
              s.other.effective_from = s.version.effective_from;
            },
            {"WARNING EQUAL_PRIORITY clauses[1].first_refusal.priority: C2 and coreweave/1/X2 of "
             "coreweave are "
             "first "
             "refusals of "
             "priority 0 over some of the same scope, where C2 is asked first, by agreement id"}},
        Row{"OtherPriority",
            [](Stage& s) {
              s.other.clauses[1].scope = {};
              As<FirstRefusal>(s.other.clauses[1])->priority = 1;
            },
            None()},
        Row{"OtherTime",
            [](Stage& s) {
              s.other.clauses[1].scope = {};
              s.other.effective_to = At("2024-06-01T00:00:00Z");
            },
            None()},
        Row{"InOneVersion",
            [](Stage& s) {
              s.version.clauses.push_back(Right("C7", ClauseKind::kFirstRefusal, "TRAINING"));
            },
            {"WARNING EQUAL_PRIORITY clauses[1].first_refusal.priority: C2 and C7 are first "
             "refusals of priority "
             "0 over "
             "some of the "
             "same scope, where C2 is asked first"}},
        Row{"InOneVersionInOrder",
            [](Stage& s) {
              s.version.clauses.push_back(Right("C7", ClauseKind::kFirstRefusal, "TRAINING"));
              As<FirstRefusal>(s.version.clauses.back())->priority = 1;
            },
            None()}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Windows, Findings,
    testing::Values(
        Row{"AsLongAsTheVersion",
            [](Stage& s) {
              AskingOf(s.exclusivity())->calendar = "";
              s.version.calendars.clear();
              AskingOf(s.exclusivity())->window = Hours(1);
              s.version.effective_to = As<Term>(s.term())->end_time =
                  s.version.effective_from + Hours(72);
            },
            {"WARNING WINDOW_TOO_LONG clauses[1].first_refusal.asking.window: 3d from the "
             "version's first instant end "
             "at "
             "2025-01-24T00:00:00Z, but the version ends at 2025-01-24T00:00:00Z"}},
        Row{"LongOnlyInItsCalendar",  // An hour on the first day, then eight a week.
            [](Stage& s) {
              s.version.effective_to = As<Term>(s.term())->end_time = At("2025-03-01T00:00:00Z");
            },
            {"WARNING WINDOW_TOO_LONG clauses[0].exclusivity.asking.window: 3d from the version's "
             "first instant end "
             "at "
             "2025-03-24T23:00:00Z, but the version ends at 2025-03-01T00:00:00Z"}},
        Row{"AMomentShorter",
            [](Stage& s) {
              AskingOf(s.exclusivity())->calendar = "";
              s.version.calendars.clear();
              s.version.effective_to = As<Term>(s.term())->end_time =
                  s.version.effective_from + Hours(72) + Span{1};
            },
            None()},
        Row{"LongerThanAllDelivery",
            [](Stage& s) { s.first().scope.delivery_end_time = At("2025-01-24T00:00:00Z"); },
            {"WARNING WINDOW_TOO_LONG clauses[1].first_refusal.asking.window: 3d from the "
             "version's first instant end "
             "at "
             "2025-01-24T00:00:00Z, but delivery begins before 2025-01-24T00:00:00Z"}},
        Row{"ShorterThanAllDelivery",
            [](Stage& s) { s.first().scope.delivery_end_time = At("2025-01-24T00:00:01Z"); },
            None()},
        Row{"OfAMatch",
            [](Stage& s) { As<FirstRefusal>(s.first())->match_window = Hours(24 * 365 * 7); },
            {"WARNING WINDOW_TOO_LONG clauses[1].first_refusal.match_window: 2555d from the "
             "version's first "
             "instant end at "
             "2032-01-20T00:00:00Z, but the version ends at 2031-01-01T00:00:00Z"}},
        Row{"OfADispute",
            [](Stage& s) { As<TriggerClause>(s.trigger())->dispute_window = Hours(24 * 365 * 7); },
            {"WARNING WINDOW_TOO_LONG clauses[5].trigger.dispute_window: 2555d from the version's "
             "first "
             "instant end "
             "at "
             "2032-01-20T00:00:00Z, but the version ends at 2031-01-01T00:00:00Z"}},
        Row{"InACalendarThatNeverGetsThere",
            [](Stage& s) {
              s.version.clauses.erase(s.version.clauses.begin() + 3,
                                      s.version.clauses.begin() + 5);  // Open.
              s.version.calendars[0].hours = {{1, 0, 1}};
              AskingOf(s.exclusivity())->window = kLongestSpan;
            },
            {"WARNING WINDOW_TOO_LONG clauses[0].exclusivity.asking.window: 36500d from the "
             "version's first instant "
             "never end"}},
        Row{"UnknownCalendar",
            [](Stage& s) { AskingOf(s.first())->calendar = "shop"; },
            {"ERROR UNKNOWN_CALENDAR clauses[1].first_refusal.asking.calendar: got \"shop\", want "
             "a calendar of this "
             "version"}},
        Row{"KnownCalendar", [](Stage& s) { AskingOf(s.first())->calendar = "desk"; }, None()},
        Row{"UnusedCalendar",
            [](Stage& s) { AskingOf(s.exclusivity())->calendar = ""; },
            {"WARNING UNUSED_CALENDAR calendars[0]: no clause names the calendar \"desk\""}}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Waivers, Findings,
    testing::Values(
        Row{"OfAnotherClass",
            [](Stage& s) { s.waiver().scope.workload_classes = {"BATCH"}; },
            {"WARNING WAIVER_NEVER_APPLIES clauses[2].waiver.lifted_clause_ids[0]: C3 never lifts "
             "C2: they have no "
             "workload class in "
             "common"}},
        Row{"OfAnotherPurpose",
            [](Stage& s) {
              s.waiver().scope.purposes = {"RESEARCH"};
              s.first().scope.purposes = {"PRODUCT"};
            },
            {"WARNING WAIVER_NEVER_APPLIES clauses[2].waiver.lifted_clause_ids[0]: C3 never lifts "
             "C2: they have no "
             "purpose in common"}},
        Row{"OfAnotherResource",
            [](Stage& s) {
              s.waiver().scope.resource_types = {"h100"};
              s.first().scope.resource_types = {"b200"};
            },
            {"WARNING WAIVER_NEVER_APPLIES clauses[2].waiver.lifted_clause_ids[0]: C3 never lifts "
             "C2: they have no "
             "resource type in "
             "common"}},
        Row{"OfAnotherRegion",
            [](Stage& s) {
              s.waiver().scope.regions = {"us"};
              s.first().scope.regions = {"eu"};
            },
            {"WARNING WAIVER_NEVER_APPLIES clauses[2].waiver.lifted_clause_ids[0]: C3 never lifts "
             "C2: they have no "
             "region in common"}},
        Row{"OfAnotherDelivery",
            [](Stage& s) {
              s.waiver().scope.delivery_end_time = At("2026-01-01T00:00:00Z");
              s.first().scope.delivery_start_time = At("2026-01-01T00:00:00Z");
            },
            {"WARNING WAIVER_NEVER_APPLIES clauses[2].waiver.lifted_clause_ids[0]: C3 never lifts "
             "C2: they have no "
             "delivery time in "
             "common"}},
        Row{"OneOfTwoClauses",
            [](Stage& s) { As<Waiver>(s.waiver())->lifts.push_back(ClauseId{"C1"}); },
            {"WARNING WAIVER_NEVER_APPLIES clauses[2].waiver.lifted_clause_ids[1]: C3 never lifts "
             "C1: they have no "
             "workload class in "
             "common"}},
        Row{"OfPurposesThatMeet",
            [](Stage& s) {
              s.waiver().scope.purposes = {"RESEARCH", "PRODUCT"};
              s.first().scope.purposes = {"PRODUCT"};
            },
            None()},
        Row{"AfterTheVersion",
            [](Stage& s) { As<Waiver>(s.waiver())->start_time = As<Term>(s.term())->end_time; },
            {"WARNING WAIVER_NEVER_APPLIES clauses[2].waiver.start_time: C3 begins at "
             "2031-01-01T00:00:00Z, "
             "but the version ends at "
             "2031-01-01T00:00:00Z"}},
        Row{"BeforeTheVersion",
            [](Stage& s) { As<Waiver>(s.waiver())->end_time = s.version.effective_from; },
            {"WARNING WAIVER_NEVER_APPLIES clauses[2].waiver.end_time: C3 ends at "
             "2025-01-21T00:00:00Z, but "
             "the version begins at "
             "2025-01-21T00:00:00Z"}},
        Row{"PastTheTerm",
            [](Stage& s) {
              As<Waiver>(s.waiver())->end_time = As<Term>(s.term())->end_time + Seconds(1);
            },
            {"WARNING CLAUSE_PAST_TERM clauses[2].waiver.end_time: C3 lasts until "
             "2031-01-01T00:00:01Z, but "
             "the version ends at "
             "2031-01-01T00:00:00Z"}},
        Row{"InsideTheVersion",
            [](Stage& s) {
              As<Waiver>(s.waiver())->start_time = s.version.effective_from;
              As<Waiver>(s.waiver())->end_time = As<Term>(s.term())->end_time;
            },
            None()},
        Row{"ATermThatIsCutShort",
            [](Stage& s) { s.version.effective_to = At("2030-01-01T00:00:00Z"); },
            {"WARNING CLAUSE_PAST_TERM clauses[4].term.end_time: the version ends at "
             "2030-01-01T00:00:00Z, before its TERM "
             "at 2031-01-01T00:00:00Z"}},
        Row{"ATermThatIsNot",
            [](Stage& s) { s.version.effective_to = As<Term>(s.term())->end_time; }, None()}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Commitments, Findings,
    testing::Values(
        Row{"WithoutATerm",
            [](Stage& s) { s.version.clauses.erase(s.version.clauses.begin() + 4); },
            {"WARNING NO_TERM_FOR_COMMITMENT clauses[3]: C4 has no date at which a shortfall is "
             "due: the "
             "version has no "
             "TERM"}},
        Row{"DeliveredBeforeItBegins",
            [](Stage& s) { s.commitment().scope.delivery_end_time = s.version.effective_from; },
            {"WARNING COMMITMENT_NEVER_DRAWN clauses[3].scope.delivery_end_time: all delivery is "
             "before "
             "2025-01-21T00:00:00Z, but the version begins at 2025-01-21T00:00:00Z"}},
        Row{"DeliveredAMomentLater",
            [](Stage& s) {
              s.commitment().scope.delivery_end_time = s.version.effective_from + Span{1};
            },
            None()},
        Row{"OfWhatTheHolderSellsNot",
            [](Stage& s) {
              s.commitment().scope.workload_classes = {"WEB"};
              s.commitment().scope.resource_types = {"h100"};
              s.azure.rates = {{"b200", "", {}}};
            },
            {"WARNING COMMITMENT_NEVER_DRAWN clauses[3].scope: azure has no right there, and no "
             "rate for any "
             "of its "
             "resources and regions"}},
        Row{"OfARegionWhereItSellsNot",
            [](Stage& s) {
              s.commitment().scope.workload_classes = {"WEB"};
              s.commitment().scope.regions = {"eu"};
              s.azure.rates = {{"h100", "us", {}}};
            },
            {"WARNING COMMITMENT_NEVER_DRAWN clauses[3].scope: azure has no right there, and no "
             "rate for any "
             "of its "
             "resources and regions"}},
        Row{"OfWhatItSells",
            [](Stage& s) {
              s.commitment().scope.workload_classes = {"WEB"};
              s.commitment().scope.regions = {"eu"};
              s.azure.rates = {{"h100", "us", {}}, {"b200", "eu", {}}};
            },
            None()},
        Row{"OfWhatItIsAskedForAnyhow",
            [](Stage& s) {
              s.commitment().scope.resource_types = {"h100"};
              s.azure.rates = {{"b200", "", {}}};
            },
            None()},
        Row{"OfWhatItIsAskedForUnderAnotherAgreement",
            [](Stage& s) {
              s.commitment().scope.workload_classes = {"BATCH"};
              s.commitment().scope.resource_types = {"h100"};
              s.azure.rates = {{"b200", "", {}}};
              s.other.holder = s.version.holder;
            },
            None()}),
    name_of);

constexpr char kWantAttester[] = ", want auditor/, operator/, owner/ or provider/ and a name";
INSTANTIATE_TEST_SUITE_P(
    Triggers, Findings,
    testing::Values(
        Row{"EndAnUnknownClause",
            [](Stage& s) { As<TriggerClause>(s.trigger())->ends[1] = ClauseId{"C9"}; },
            {"ERROR TRIGGER_ENDS_NOTHING clauses[5].trigger.ended_clause_ids[1]: got \"C9\", want "
             "a clause of this "
             "version"}},
        Row{"EndNothing",
            [](Stage& s) { As<TriggerClause>(s.trigger())->ends.clear(); },
            {"ERROR TRIGGER_ENDS_NOTHING clauses[5].trigger.ended_clause_ids: got none, want at "
             "least one clause"}},
        Row{"EndACommitment",
            [](Stage& s) { As<TriggerClause>(s.trigger())->ends = {ClauseId{"C4"}}; }, None()},
        Row{"WithoutAttesters",
            [](Stage& s) { As<TriggerClause>(s.trigger())->attesters.clear(); },
            {"ERROR QUORUM_UNREACHABLE clauses[5].trigger.attesters: got none, want at least one"}},
        Row{"WithTooLargeAQuorum",
            [](Stage& s) { As<TriggerClause>(s.trigger())->quorum = 5; },
            {"ERROR QUORUM_UNREACHABLE clauses[5].trigger.quorum: got 5, want at most 4, as many "
             "as may "
             "sign; 0 is "
             "all of them"}},
        Row{"WithTheSameAttesterTwice",
            [](Stage& s) {
              As<TriggerClause>(s.trigger())->quorum = 2;
              As<TriggerClause>(s.trigger())->attesters = {"auditor/kpmg", "auditor/kpmg"};
            },
            {"ERROR QUORUM_UNREACHABLE clauses[5].trigger.quorum: got 2, want at most 1, as many "
             "as may "
             "sign; 0 is "
             "all of them"}},
        Row{"WithTheWholeQuorum", [](Stage& s) { As<TriggerClause>(s.trigger())->quorum = 4; },
            None()},
        Row{"WithoutARole",
            [](Stage& s) { As<TriggerClause>(s.trigger())->attesters[0] = "kpmg"; },
            {Cat("ERROR UNKNOWN_ATTESTER clauses[5].trigger.attesters[0]: got \"kpmg\"",
                 kWantAttester)}},
        Row{"WithoutAName",
            [](Stage& s) { As<TriggerClause>(s.trigger())->attesters[0] = "auditor/"; },
            {Cat("ERROR UNKNOWN_ATTESTER clauses[5].trigger.attesters[0]: got \"auditor/\"",
                 kWantAttester)}},
        Row{"WithABadName",
            [](Stage& s) { As<TriggerClause>(s.trigger())->attesters[0] = "auditor/KPMG"; },
            {Cat("ERROR UNKNOWN_ATTESTER clauses[5].trigger.attesters[0]: got \"auditor/KPMG\"",
                 kWantAttester)}},
        Row{"SignedByTheBroker",
            [](Stage& s) { As<TriggerClause>(s.trigger())->attesters[0] = "broker/x"; },
            {Cat("ERROR UNKNOWN_ATTESTER clauses[5].trigger.attesters[0]: got \"broker/x\"",
                 kWantAttester)}},
        Row{"SignedByNobody",
            [](Stage& s) { As<TriggerClause>(s.trigger())->attesters[0] = "none/x"; },
            {Cat("ERROR UNKNOWN_ATTESTER clauses[5].trigger.attesters[0]: got \"none/x\"",
                 kWantAttester)}},
        Row{"SignedByAStranger",
            [](Stage& s) { As<TriggerClause>(s.trigger())->attesters[1] = "provider/nobody"; },
            {"ERROR UNKNOWN_ATTESTER clauses[5].trigger.attesters[1]: got \"provider/nobody\", "
             "want a "
             "registered "
             "provider"}},
        Row{"SignedByAnotherOwner",
            [](Stage& s) { As<TriggerClause>(s.trigger())->attesters[2] = "owner/anthropic"; },
            {"ERROR UNKNOWN_ATTESTER clauses[5].trigger.attesters[2]: got \"owner/anthropic\", "
             "want this "
             "agreement's "
             "owner, "
             "owner/openai"}},
        Row{"SignedByAnotherProvider",
            [](Stage& s) { As<TriggerClause>(s.trigger())->attesters[1] = "provider/coreweave"; },
            None()}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Whole, Findings,
    testing::Values(
        Row{"UnknownHolder",
            [](Stage& s) {
              As<TriggerClause>(s.trigger())->attesters = {"auditor/kpmg"};
              s.azure.id = {};
            },
            {"ERROR UNKNOWN_HOLDER holder: got \"azure\", want a registered provider"}},
        Row{"OnlyNoted",
            [](Stage& s) {
              s.version.clauses = {
                  Clause{.id = ClauseId{"C1"}, .text = "a share of revenue", .content = Noted{}}};
              s.version.calendars.clear();
            },
            {"WARNING NOTHING_GOVERNS clauses: no EXCLUSIVITY, FIRST_REFUSAL or COMMITMENT: "
             "nothing is executed"}},
        Row{"ACommitmentAlone",
            [](Stage& s) {
              s.version.clauses = {s.commitment(), s.term()};
              s.version.calendars.clear();
            },
            None()}),
    name_of);

TEST(Lint, WhatTheVersionBeforeHadAndThisOneDoesNot) {
  Stage stage;
  stage.before = stage.version;
  stage.version.version = 2;
  stage.version.effective_from = At("2026-01-21T00:00:00Z");
  EXPECT_THAT(stage.Find(), IsEmpty());
  stage.version.clauses.erase(stage.version.clauses.begin() + 3, stage.version.clauses.begin() + 5);
  std::vector<std::string> got;
  for (const Finding& finding : stage.Find()) got.push_back(Cat(finding.code, ": ", finding.text));
  EXPECT_THAT(got, ElementsAre("COMMITMENT_DROPPED: version 1 has the commitment C4, this one does "
                               "not: it ends with that version",
                               "TERM_DROPPED: version 1 has a TERM, this one does not: it is "
                               "open-ended"));
}

TEST(Lint, AConflictIsRefusedWithItsFacts) {
  Stage stage;
  stage.other.clauses[0].scope = {};
  const absl::Status status = RefusalOf(stage.Find());
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(status), "EXCLUSIVITY_CONFLICT");
  EXPECT_THAT(FactsOf(status), ElementsAre(testing::Pair("clause", "C1"),
                                           testing::Pair("conflicts_with", "coreweave/1/X1")));
}

TEST(Lint, WarningsRefuseNothingAndTheFirstErrorDoes) {
  Stage stage;
  AskingOf(stage.exclusivity())->calendar = "";
  stage.other.clauses[1].scope = {};
  EXPECT_EQ(stage.Find().size(), 2u);
  EXPECT_EQ(RefusalOf(stage.Find()), absl::OkStatus());
  As<TriggerClause>(stage.trigger())->ends.clear();
  As<TriggerClause>(stage.trigger())->quorum = 9;
  EXPECT_EQ(FieldOf(RefusalOf(stage.Find())), "clauses[5].trigger.ended_clause_ids");
}

}  // namespace
}  // namespace capbroker
