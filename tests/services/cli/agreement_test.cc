// Agreement files: errors say where, the shipped ones are read, and what is written is read back as
// the same.
#include <gtest/gtest.h>

#include "services/cli/agreement_file.h"
#include "services/cli/yaml.h"
#include "services/client/proto_values.h"

namespace capbroker {
namespace {

constexpr char kHead[] = "agreement: azure\nowner: openai\nholder: azure\nclauses:\n";

std::string ErrorOf(const std::string& text) {
  const absl::StatusOr<OwnedAgreement> file = ReadAgreement("a.yaml", text);
  return file.ok() ? "" : std::string(file.status().message());
}

TEST(CliAgreement, ErrorsNameFileLineColumnAndField) {
  struct Case {
    std::string text;
    std::string error;  // Its beginning.
  };
  const std::string head = kHead;
  const std::string right = head + "  - id: C1\n    kind: EXCLUSIVITY\n    window: 3d\n";
  for (const Case& c : std::initializer_list<Case>{
           {"", "a.yaml:1:1: got an empty file"},
           {"agreement: [azure", "a.yaml:1:1: not YAML: e"},
           {"- azure\n", "a.yaml:1:1: got a list, want a map"},
           {"owner: openai\n", "a.yaml:1:1: agreement: got nothing, want 1 to 63 of a-z, 0-"},
           {"agreement: Azure\nowner: openai\n",
            "a.yaml:1:12: agreement: got \"Azure\", want 1 to 63 of a-z"},
           {"agreement: azure\nagreement: azure\n",
            "a.yaml:2:1: agreement: is given twice, first on line 1"},
           {right + "colour: red\n",
            "a.yaml:8:1: colour: is unknown here; want one of agreement, calendars, "},
           {right + "version: 0\n", "a.yaml:8:10: version: got \"0\", want a number from 1"},
           {right + "effective_from: +3d\n",
            "a.yaml:8:17: effective_from: got \"+3d\", want an instant"},
           {right + "effective_from: soon\n",
            "a.yaml:8:17: effective_from: got \"soon\", want RFC 3339"},
           {right + "---\nagreement: b\n", "a.yaml:9:1: got a second document"},
           {head + "  []\n", "a.yaml:5:3: clauses: got none, want at least one"},
           {head + "  - C1\n", "a.yaml:5:5: clauses[0]: got a text, want a map"},
           {head + "  - kind: TERM\n", "a.yaml:5:5: clauses[0].id: got \"\", want 1 to 63 letters"},
           {head + "  - id: C1\n    kind: TRIGER\n",
            "a.yaml:6:11: clauses[0].kind: got \"TRIGER\", want one of EXCLUSIVITY, "},
           {head + "  - id: C1\n    kind: TRIGGER\n",
            "a.yaml:5:5: clauses[0].text: got none, want what is ag"},
           {"calendars: [{id: o, time_zone: UTC, hours: [MON 9-17]}]\n" + right,
            "a.yaml:1:44: calendars[0].hours: got \"9\", want a time of day from 00:00 to "},
           {"calendars: [{id: o, time_zone: UTC, hours: [FRI-MON 09:00-17:00]}]\n" + right,
            "a.yaml:1:44: calendars[0].hours: got \"FRI-MON 09:00-17:00\", want day"},
           {right + "    counter_window: soon\n",
            "a.yaml:8:21: clauses[0].counter_window: got \"soon\", want a length of time"},
           {right + "    reoffer: maybe\n", "a.yaml:8:"},
           {head + "  - id: C1\n    kind: EXCLUSIVITY\n",
            "a.yaml:5:5: clauses[0].window: got none, want how long"},
           {head + "  - id: C1\n    kind: EXCLUSIVITY\n    window: 3 dayz\n",
            "a.yaml:7:13: clauses[0].window: got \"3 dayz\", want a length of time"},
           {head + "  - id: C1\n    kind: FIRST_REFUSAL\n    mode: LAST\n",
            "a.yaml:7:11: clauses[0].mode: got \"LAST\", want one of FIRST_OFFER, MATCH"},
           {right + "    scope: {classes: [API_SERVING], colour: red}\n",
            "a.yaml:8:37: clauses[0].scope.colour: is unknown here; want one of delivery_"},
           {right + "    scope: {new_capacity_only: maybe}\n",
            "a.yaml:8:32: clauses[0].scope.new_capacity_only: got \"maybe\", want true or false"},
           {right + "    partial: {min: 1.5}\n",
            "a.yaml:8:20: clauses[0].partial.min: got \"1.5\", want a whole number"},
           {right + "    scope: {classes: {a: b}}\n",
            "a.yaml:8:22: clauses[0].scope.classes: got a map, want a list"},
           {right + "    lifts: [C2]\n", "a.yaml:8:5: clauses[0].lifts: is unknown here"},
           {right + "    scope: everything\n",
            "a.yaml:8:12: clauses[0].scope: got a text, want a map"},
           {right + "    parts: [1]\n", "a.yaml:8:12: clauses[0].parts: got a list, want a map"},
           {right + "    partial: {step: 8, allowed: true}\n",
            "a.yaml:8:24: clauses[0].partial.allowed: is unknown here; want one of min, step"},
           {right + "    scope: {regions: [\"\"]}\n", "a.yaml:8:23: clauses[0].scope.regions"},
           {right + "    min_quantity: 9000\n", "a.yaml:8:5: clauses[0].min_quantity: is unknown"},
           {right + "    counter_window: 1d\n    counter_window: 2d\n", "a.yaml:9:"},
           {head + "  - id: C1\n    kind: FIRST_REFUSAL\n    window: 3d\n    price_tolerance: 2%\n"
                   "    price_tolerance_ppm: 3%\n",
            "a.yaml:9:5: clauses[0].price_tolerance_ppm: is given twice, as price_tolerance too"},
           {head + "  - id: C1\n    kind: FIRST_REFUSAL\n    price_tolerance_ppm: 2\n",
            "a.yaml:7:26: clauses[0].price_tolerance_ppm: got \"2\", want 2% or 2ppm"},
           {right + "  - id: C3\n    kind: WAIVER\n    lifts: [C1]\n    min_share: 150%\n",
            "a.yaml:11:16: clauses[1].min_share: got \"150%\", want a share"},
           {right + "  - id: C4\n    kind: COMMITMENT\n    amount: lots\n",
            "a.yaml:10:13: clauses[1].amount: got \"lots\", want an amount"},
           {right + "  - &x {id: C5, kind: NOTED, text: a}\n", "a.yaml:8:"},
       }) {
    EXPECT_EQ(ErrorOf(c.text).substr(0, c.error.size()), c.error) << c.text;
  }
}

// What the broker took before is read still, as what it is called now.
constexpr char kBefore[] =
    "agreement: azure\n"
    "owner: openai\n"
    "holder: azure\n"
    "version: 2\n"
    "effective_from: 2025-01-21T00:00:00Z\n"
    "text: \"second: with a colon\"\n"
    "calendars:\n"
    "  - id: office\n"
    "    time_zone: America/Los_Angeles\n"
    "    hours: [\"MON 09:00-17:00\", \"TUE 09:30-24:00\"]\n"
    "    holidays: [\"2025-07-04\", \"2025-12-25\"]\n"
    "clauses:\n"
    "  - id: C1\n"
    "    kind: EXCLUSIVITY\n"
    "    scope: {classes: [API_SERVING], resource_types: [h100], regions: [us-east], "
    "new_capacity_only: true, min_quantity: 8, delivery_from: 2025-01-01T00:00:00Z, "
    "delivery_to: 2026-01-01T00:00:00Z}\n"
    "    window: 3d\n"
    "    partial: {min: 1000, step: 8}\n"
    "    open_offers_at_end: VOID\n"
    "    toll_over: 5m\n"
    "    calendar: office\n"
    "    min_remaining: 10m\n"
    "    counter_window: 1h\n"
    "    confirm_within: 2h\n"
    "    withdraw_notice: 30d\n"
    "    release_notice: 2d\n"
    "    release_share: 25%\n"
    "    aggregation_window: 7d\n"
    "  - id: C2\n"
    "    kind: FIRST_REFUSAL\n"
    "    mode: FIRST_OFFER_THEN_MATCH\n"
    "    window: 10 business days, until 16:00\n"
    "    calendar: office\n"
    "    priority: 2\n"
    "    price_tolerance: 2.5%\n"
    "    start_tolerance: 7d\n"
    "    match_window: 6h\n"
    "    close_within: 14d\n"
    "    match_always: true\n"
    "    contingent: true\n"
    "    reoffer: true\n"
    "    reoffer_window: 1d12h\n"
    "  - id: C3\n"
    "    kind: WAIVER\n"
    "    lifts: [C1, C2]\n"
    "    scope: {purposes: [RESEARCH, TRAINING]}\n"
    "    min_share: 50%\n"
    "    covers: REQUEST\n"
    "    cap: 100000\n"
    "    from: 2025-02-01T00:00:00Z\n"
    "    to: 2025-03-01T00:00:00Z\n"
    "  - id: C4\n"
    "    kind: COMMITMENT\n"
    "    amount: 250,000,000,000 USD\n"
    "  - id: C5\n"
    "    kind: TERM\n"
    "    until: 2031-01-01T00:00:00Z\n"
    "  - id: C6\n"
    "    kind: NOTED\n"
    "    text: Revenue is shared\n"
    "  - id: C7\n"
    "    kind: TRIGGER\n"
    "    ends: [C1, C2]\n"
    "    attesters: [auditor/kpmg, provider/azure]\n"
    "    quorum: 1\n"
    "    threshold: 100,000,000,000 USD\n"
    "    dispute_window: 30d\n"
    "    attest_within: 90d\n"
    "    resolvers: [auditor/kpmg]\n"
    "    text: AGI is declared\n";

TEST(CliAgreement, EveryFieldIsReadAndWrittenBackByItsNameOfToday) {
  const absl::StatusOr<OwnedAgreement> file = ReadAgreement("a.yaml", kBefore);
  ASSERT_TRUE(file.ok()) << file.status();
  const AgreementVersion& version = file->version;
  EXPECT_EQ(version.version, 2u);
  ASSERT_EQ(version.clauses.size(), 7u);
  const auto& sole = std::get<Exclusivity>(version.clauses[0].content);
  EXPECT_EQ(sole.asking.window, Window(Hours(72)));
  EXPECT_TRUE(sole.asking.void_on_end);
  EXPECT_TRUE(sole.asking.parts.allowed);
  EXPECT_EQ(sole.asking.parts.min_quantity, 1000);
  EXPECT_EQ(sole.asking.release_share.ppm, 250'000);
  const auto& first = std::get<FirstRefusal>(version.clauses[1].content);
  EXPECT_EQ(first.mode, Mode::kFirstOfferThenMatch);
  EXPECT_EQ(first.asking.window.days, 10);
  EXPECT_EQ(first.asking.window.closing_minute, 960);
  EXPECT_EQ(first.price_tolerance_ppm, 25'000);
  EXPECT_TRUE(first.contingent_bids);
  EXPECT_EQ(std::get<Waiver>(version.clauses[2].content).min_share_ppm, 500'000);
  EXPECT_EQ(std::get<CommitmentClause>(version.clauses[3].content).amount.micros,
            250'000'000'000'000'000);

  const std::string text = WriteAgreement(*file);
  for (const char* name :
       {"workload_classes: [API_SERVING]", "delivery_start_time: 2025", "parts: {allowed: true",
        "void_on_end: true", "release_share_ppm: 25%", "price_tolerance_ppm: 2.5%",
        "contingent_bids: true", "lifted_clause_ids: [C1, C2]", "cap_quantity: 100000",
        "start_time: 2025-02-01", "end_time: 2031-01-01", "ended_clause_ids: [C1, C2]"}) {
    EXPECT_NE(text.find(name), std::string::npos) << name << "\n" << text;
  }
  const absl::StatusOr<OwnedAgreement> again = ReadAgreement("again", text);
  ASSERT_TRUE(again.ok()) << again.status() << text;
  EXPECT_EQ(again->version, version);
}

TEST(CliAgreement, DaysInARowAreHoursOfEach) {
  const absl::StatusOr<OwnedAgreement> file =
      ReadAgreement("a.yaml",
                    "calendars:\n  - {id: o, time_zone: UTC, hours: [MON-FRI 13:00-17:00, MON-TUE "
                    "09:00-12:00]}\n" +
                        std::string(kHead) + "  - {id: C6, kind: NOTED, text: a}\n");
  ASSERT_TRUE(file.ok()) << file.status();
  const Calendar& calendar = file->version.calendars.at(0);
  ASSERT_EQ(calendar.hours.size(), 7u);
  EXPECT_EQ(calendar.hours[0].start_minute, 540);  // Ascending, as the broker wants them.
  EXPECT_EQ(calendar.hours[1].start_minute, 780);
  EXPECT_EQ(calendar.hours[6].weekday, 5);
}

TEST(CliAgreement, TheShippedOnesAreRead) {
  for (const char* version : {"1", "2", "3", "4"}) {
    const std::string path = std::string("deploy/agreements/openai-azure-v") + version + ".yaml";
    const absl::StatusOr<OwnedAgreement> file = LoadAgreement(path);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(std::to_string(file->version.version), version);
    const absl::StatusOr<OwnedAgreement> again = ReadAgreement("again", WriteAgreement(*file));
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->version, file->version);
  }
}

TEST(CliYaml, QuotedTextsAreReadBack) {
  for (const char* text :
       {"plain words", "with: colon", "\"quoted\"", "back\\slash", "3d", "null", "true", " lead",
        "trail ", "# no comment", "a, b", "[x]", "-", "~", "Zürich"}) {
    const absl::StatusOr<Yaml> yaml = ReadYaml("x", "k: " + QuoteYaml(text));
    ASSERT_TRUE(yaml.ok()) << text << yaml.status();
    EXPECT_EQ(yaml->fields.at(0).second.text, text);
    EXPECT_EQ(yaml->fields.at(0).second.kind, Yaml::Kind::kText);
  }
}

}  // namespace
}  // namespace capbroker
