// Scenario files: a syntax error is reported with its line, and a different decision with a diff.
#include <gmock/gmock.h>

#include "broker/values/text.h"
#include "services/simulation/diff.h"
#include "services/simulation/run_story.h"

namespace capbroker {
namespace {

using testing::HasSubstr;

// The agreement of a file: a first refusal of three days.
absl::StatusOr<OwnedAgreement> Load(const std::string& path) {
  if (path != "first.yaml") return absl::InvalidArgumentError(Cat(path, ": no such file"));
  OwnedAgreement out{OwnerId{"openai"}, {}};
  out.version.agreement.value = "azure";
  out.version.version = 1;
  out.version.holder.value = "azure";
  out.version.effective_from = *ParseInstant("2025-01-01T00:00:00Z");
  Clause right;
  right.id.value = "C2";
  right.content = FirstRefusal{.asking = {.window = Hours(72)}};
  out.version.clauses = {right};
  return out;
}

constexpr std::string_view kGround = R"(given clock 2025-02-03T12:00:00Z
given providers azure, oracle
given agreement first.yaml
given requests resource h100 in us-east from 2025-06-01 to 2025-07-01 price 2.5 USD class INFERENCE
      sequential oracle step 24h
story one
)";

absl::StatusOr<Scenario> Read(std::string_view text) { return ReadScenario("s.txt", text, Load); }

struct Misreading {
  std::string_view name, text, error;
};
class MisreadFile : public testing::TestWithParam<Misreading> {};

TEST_P(MisreadFile, NamesLineGotAndWant) {
  const absl::StatusOr<Scenario> scenario = Read(Cat(kGround, GetParam().text));
  ASSERT_FALSE(scenario.ok());
  EXPECT_EQ(scenario.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(View(scenario.status().message())),
              testing::StartsWith(std::string(GetParam().error)));
}

INSTANTIATE_TEST_SUITE_P(
    Lines, MisreadFile,
    testing::Values(
        Misreading{"NoKeyword", "whenever openai cancels\n",
                   "s.txt:7: got \"whenever\", want a line that begins with"},
        Misreading{"NoVerb", "when  openai wishes 8\n",
                   "s.txt:7: got \"wishes\", want what openai does, one of requests"},
        Misreading{"NoActor", "when\n", "s.txt:7: got nothing, want who acts"},
        Misreading{"NoSuchField", "when  openai requests 8 h100 colour red\n",
                   "s.txt:7: got \"colour\", want a field of a request"},
        Misreading{"FieldOnASecondLine", "when  openai requests 8\n      price cheap USD\n",
                   "s.txt:8: got \"cheap USD\", want an amount"},
        Misreading{"NoSuchKind", "when  openai cancels\nthen  REQUEST_CANCELED\n",
                   "s.txt:8: got \"REQUEST_CANCELED\", want a kind of decision"},
        Misreading{"NoSuchState", "when  openai cancels\nthen  state request GONE\n", "s.txt:8: "},
        Misreading{"BadInstant", "when  openai cancels\nthen  OFFER_OPENED by tomorrow\n",
                   "s.txt:8: got \"tomorrow\", want RFC 3339"},
        Misreading{"RelativeInstant", "when  openai cancels\nthen  OFFER_OPENED by +3d\n",
                   "s.txt:8: got \"+3d\""},
        Misreading{"SecondItem", "when  openai cancels\nthen  REQUEST_CANCELLED ; OFFER_VANISHED\n",
                   "s.txt:8: got \"OFFER_VANISHED\""},
        Misreading{"OpenQuotation", "when  openai cancels \"not needed\n",
                   "s.txt:7: a quotation is not closed"},
        Misreading{"ThenFirst", "then  nothing\n", "s.txt:7: got \"then\", want `when` before it"},
        Misreading{"GivenTooLate", "when  openai cancels\nthen  ...\ngiven providers late\n",
                   "s.txt:9: got `given` after `when`"},
        Misreading{"NoSuchFile", "given agreement second.yaml\n",
                   "s.txt:7: second.yaml: no such file"},
        Misreading{"NoSuchClause", "given agreement first.yaml C9.window 3d\n",
                   "s.txt:7: got \"C9.window\""},
        Misreading{"NoSuchClauseField", "given agreement first.yaml C2.windows 3d\n",
                   "s.txt:7: got \"C2.windows\""},
        Misreading{"BadSpan", "given agreement first.yaml C2.window three\n",
                   "s.txt:7: got \"three\""},
        Misreading{"BadReason", "when  azure declines BORED\n",
                   "s.txt:7: got \"BORED\", want one of NO_CAPACITY"},
        Misreading{"NoNumber", "when  azure accepts offer first\n",
                   "s.txt:7: got \"first\", want an offer's number"},
        Misreading{"BadTime", "when  time passes soon\n", "s.txt:7: got \"soon\""}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(ReadScenario, WantsAClockAndAStory) {
  EXPECT_THAT(std::string(View(Read("").status().message())),
              HasSubstr("want a line `story NAME`"));
  EXPECT_THAT(std::string(View(Read("story x\nwhen  a cancels\n").status().message())),
              HasSubstr("s.txt:2: got `when` without a clock"));
}

constexpr std::string_view kStory = R"(# Kept.
when  openai requests 8,000
then  REQUEST_RECEIVED 8,000          # Kept too.
      # And this.
      ROUTE_FIRST_REFUSAL 8,000 C2
      OFFER_OPENED FIRST_OFFER azure 8,000 by 2025-02-06T12:00:00Z
      state request HOLDER_ROUND
when  azure accepts after 10h
then  OFFER_ACCEPTED azure 8,000 ; ALLOCATION_HELD azure
      ...
      REQUEST_FULFILLED 8,000
      placed azure 8,000
)";

TEST(RunStory, PassesWhereAllIsAsExpected) {
  const absl::StatusOr<Scenario> scenario = Read(Cat(kGround, kStory));
  ASSERT_TRUE(scenario.ok()) << scenario.status();
  const StoryResult result = RunStory("s.txt", scenario->stories[0], AfterDifference::kStop);
  EXPECT_TRUE(result.passed()) << result.differences[0].text;
  EXPECT_EQ(result.steps, 2u);
  EXPECT_EQ(Rewritten(*scenario, {result}), Cat(kGround, kStory)) << "nothing to rewrite";
}

// Each change to the story is found.
TEST(RunStory, EveryDifferenceFails) {
  const std::pair<std::string_view, std::string_view> changes[] = {
      {"REQUEST_RECEIVED 8,000 ", "REQUEST_RECEIVED 8,001 "},
      {"ROUTE_FIRST_REFUSAL 8,000 C2", "ROUTE_FIRST_REFUSAL 8,000 C3"},
      {"FIRST_OFFER azure", "FIRST_OFFER oracle"},
      {"FIRST_OFFER azure", "MATCH azure"},
      {"by 2025-02-06T12:00:00Z", "by 2025-02-06T12:00:01Z"},
      {"HOLDER_ROUND", "FALLBACK"},
      {"      OFFER_OPENED FIRST_OFFER azure 8,000 by 2025-02-06T12:00:00Z\n", ""},
      {"      ...\n", ""},
      {"placed azure 8,000", "placed azure 7,999"},
      {"placed azure 8,000", "placed azure 8,000 ; refused"},
      {"azure accepts after 10h", "azure accepts after 73h"},
  };
  for (const auto& [from, to] : changes) {
    std::string text = Cat(kGround, kStory);
    text.replace(text.find(from), from.size(),
                 to == "placed azure 8,000 ; refused" ? "placed azure 8,000\n      refused X" : to);
    const absl::StatusOr<Scenario> scenario = Read(text);
    ASSERT_TRUE(scenario.ok()) << scenario.status();
    EXPECT_FALSE(RunStory("s.txt", scenario->stories[0], AfterDifference::kStop).passed())
        << from << " -> " << to;
  }
}

TEST(RunStory, ShowsADiffAndGoesNoFurther) {
  std::string text = Cat(kGround, kStory);
  text.replace(text.find("FIRST_OFFER azure 8,000"), 23, "FIRST_OFFER azure 7,000");
  const absl::StatusOr<Scenario> scenario = Read(text);
  ASSERT_TRUE(scenario.ok()) << scenario.status();
  const StoryResult result = RunStory("s.txt", scenario->stories[0], AfterDifference::kStop);
  ASSERT_EQ(result.differences.size(), 1u);
  EXPECT_EQ(result.steps, 1u);
  EXPECT_EQ(result.differences[0].line, 8);
  EXPECT_EQ(result.differences[0].text,
            "s.txt:8: story \"one\": decided otherwise than expected\n"
            "--- s.txt:9 expected\n"
            "+++ decided\n"
            "@@ -1,4 +1,4 @@\n"
            " REQUEST_RECEIVED 8,000\n"
            " ROUTE_FIRST_REFUSAL 8,000 C2\n"
            "-OFFER_OPENED FIRST_OFFER azure 7,000 by 2025-02-06T12:00:00Z\n"
            "+OFFER_OPENED FIRST_OFFER azure 8,000 2.5 USD azure/1/C2 by 2025-02-06T12:00:00Z\n"
            " state request HOLDER_ROUND\n");
}

TEST(RunStory, NamesWhatCannotBeSetUpOrDone) {
  const auto first = [](std::string_view text) {
    const absl::StatusOr<Scenario> scenario = Read(Cat(kGround, text));
    EXPECT_TRUE(scenario.ok()) << scenario.status();
    const StoryResult result = RunStory("s.txt", scenario->stories[0], AfterDifference::kGoOn);
    return result.differences.empty() ? "" : result.differences[0].text;
  };
  EXPECT_THAT(first("given providers azure\nwhen  openai cancels\n"),
              HasSubstr("no request was made yet"));
  EXPECT_THAT(first("given agreement first.yaml version 7\nwhen  time passes 1d\n"),
              HasSubstr("s.txt:7: "));
  EXPECT_THAT(first("when  openai cancels of R9\n"),
              HasSubstr("s.txt:7: no request is called \"R9\""));
  EXPECT_THAT(first("when  time passes until 2025-01-01\n"),
              HasSubstr("s.txt:7: got 2025-01-01T00:00:00Z, want a time from"));
  EXPECT_THAT(first("when  openai requests 8\nthen  ...\nwhen  oracle accepts\n"),
              HasSubstr("s.txt:9: oracle was asked nothing yet"));
}

// What --update writes passes, leaves correct lines as they are, and is not changed by a second
// --update.
TEST(Rewritten, PassesAndStays) {
  std::string text = Cat(kGround, kStory);
  text.replace(text.find("FIRST_OFFER azure 8,000"), 23, "FIRST_OFFER azure 7,000");
  text.replace(text.find("placed azure 8,000"), 18, "placed azure 6,000");
  text += "when  openai cancels\nwhen  azure accepts\nthen  nothing\n";
  const absl::StatusOr<Scenario> wrong = Read(text);
  ASSERT_TRUE(wrong.ok()) << wrong.status();
  const std::string right =
      Rewritten(*wrong, {RunStory("s.txt", wrong->stories[0], AfterDifference::kGoOn)});
  EXPECT_THAT(
      right,
      HasSubstr("# Kept.\nwhen  openai requests 8,000\nthen  REQUEST_RECEIVED 8,000  # Kept too.\n"
                "      # And this.\n      ROUTE_FIRST_REFUSAL 8,000 C2\n"));
  EXPECT_THAT(right, HasSubstr("      OFFER_OPENED FIRST_OFFER azure 8,000 2.5 USD azure/1/C2 by "
                               "2025-02-06T12:00:00Z\n"));
  EXPECT_THAT(
      right,
      HasSubstr("then  OFFER_ACCEPTED azure 8,000\n      ALLOCATION_HELD azure\n      ...\n"));
  EXPECT_THAT(right, HasSubstr("      placed azure 8,000\n"));
  EXPECT_THAT(right, HasSubstr("when  openai cancels\nthen  refused "));
  const absl::StatusOr<Scenario> again = Read(right);
  ASSERT_TRUE(again.ok()) << again.status() << right;
  const StoryResult result = RunStory("s.txt", again->stories[0], AfterDifference::kStop);
  EXPECT_TRUE(result.passed()) << result.differences[0].text;
  EXPECT_EQ(Rewritten(*again, {result}), right);
}

TEST(RunStory, IsTheSameEveryTime) {
  const absl::StatusOr<Scenario> scenario = Read(Cat(kGround, kStory));
  ASSERT_TRUE(scenario.ok());
  const auto trail = [&] {
    return TellTrail(RunStory("s.txt", scenario->stories[0], AfterDifference::kStop).acts);
  };
  EXPECT_EQ(trail(), trail());
  EXPECT_THAT(trail(), HasSubstr("azure is asked first for 8,000"));
}

TEST(UnifiedDiff, ShowsThreeLinesAroundEachDifference) {
  std::vector<DiffLine> lines;
  for (const char* text : {"1", "2", "3", "4", "5", "6"}) lines.push_back({' ', text});
  EXPECT_EQ(UnifiedDiff("a", "b", lines), "");
  lines.push_back({'-', "x"});
  lines.push_back({'+', "y"});
  EXPECT_EQ(UnifiedDiff("a", "b", lines), "--- a\n+++ b\n@@ -4,4 +4,4 @@\n 4\n 5\n 6\n-x\n+y\n");
}

}  // namespace
}  // namespace capbroker
