// Replays a small recorded trail under drafts of its agreement.
#include "services/simulation/replay.h"

#include <gmock/gmock.h>

#include "broker/values/text.h"
#include "services/simulation/run_story.h"

namespace capbroker {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A first refusal of three days, and a commitment.
OwnedAgreement Agreement() {
  OwnedAgreement out{OwnerId{"openai"}, {}};
  out.version.agreement.value = "azure";
  out.version.holder.value = "azure";
  out.version.effective_from = *ParseInstant("2025-01-01T00:00:00Z");
  Clause right;
  right.id.value = "C2";
  right.content = FirstRefusal{.asking = {.window = Hours(72)}};
  Clause commitment;
  commitment.id.value = "C4";
  commitment.content = CommitmentClause{*ParseMoney("100000000 USD")};
  out.version.clauses = {right, commitment};
  return out;
}

// The owner's trail of one story, without the registry's.
std::vector<Act> Play(std::string_view story, const OwnedAgreement& agreement) {
  const auto load = [&](const std::string&) -> absl::StatusOr<OwnedAgreement> { return agreement; };
  const absl::StatusOr<Scenario> scenario = ReadScenario("recorded.txt", story, load);
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  StoryResult played = RunStory("recorded.txt", scenario->stories[0], AfterDifference::kGoOn);
  EXPECT_EQ(played.steps,
            scenario->stories[0].steps.size());  // The expectations of its steps do not matter.
  std::erase_if(played.acts, [](const Act& act) { return act.owner == kDirectory; });
  return std::move(played.acts);
}

// Azure takes the first request whole after 10 h, lets the second lapse (oracle takes 300 of 500
// after 2 h, softbank declines the rest), and declines the third, which nobody takes.
std::vector<Act> Recorded() {
  constexpr std::string_view kStory = R"(given clock 2025-02-03T12:00:00Z
given providers azure, oracle, softbank, coreweave
given agreement a
given requests resource h100 in us-east from 2025-06-01 to 2025-07-01 price 2 USD class INFERENCE splittable
      sequential oracle, softbank step 24h
story one
when  openai requests 100
when  azure accepts after 10h
when  openai requests 500 at 2025-02-10
when  oracle accepts 300 at 2025-02-13T02:00:00Z
when  softbank declines PRICE after 1h
when  openai requests 200 at 2025-02-20
when  azure declines NO_CAPACITY after 1h
when  oracle declines after 1h
when  softbank declines after 1h
)";
  return Play(kStory, Agreement());
}

std::string Tell(const Placement& placement) {
  std::string out(NameOf(placement.state));
  for (const auto& asked : placement.asked) out += Cat(" ", asked.provider.value);
  out += " ->";
  for (const auto& won : placement.won) out += Cat(" ", won.provider.value, " ", won.quantity);
  return out;
}

TEST(Replay, TheSameAgreementGivesTheSame) {
  const absl::StatusOr<ReplayReport> report = Replay(Recorded(), Agreement(), Assume::kSilent);
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->requests.size(), 3u);
  for (const ReplayedRequest& request : report->requests) {
    EXPECT_EQ(Tell(request.recorded), Tell(request.drafted));
    EXPECT_EQ(request.recorded.to_placement, request.drafted.to_placement);
    EXPECT_THAT(request.assumed, IsEmpty());
  }
  EXPECT_EQ(Tell(report->requests[0].drafted), "FULFILLED azure -> azure 100");
  EXPECT_EQ(report->requests[0].drafted.to_placement, Hours(10));
  EXPECT_EQ(Tell(report->requests[1].drafted),
            "PARTIALLY_FULFILLED azure oracle softbank -> oracle 300");
  EXPECT_EQ(report->requests[1].drafted.to_placement, Hours(75) + Span{0})
      << "three days, two hours, one hour";
  EXPECT_EQ(Tell(report->requests[2].drafted), "UNFILLED azure oracle softbank ->");
  EXPECT_EQ(report->drafted.fulfilled, 1u);
  EXPECT_EQ(report->drafted.partly, 1u);
  EXPECT_EQ(report->drafted.unplaced, 1u);
  EXPECT_EQ(report->drafted.placed, 400);
  // 2 USD x 400 x 720 h; of the commitment, Azure's 100.
  ASSERT_EQ(report->drafted.spend.size(), 1u);
  EXPECT_EQ(Format(report->drafted.spend[0]), "576000 USD");
  ASSERT_EQ(report->drafted_commitments.size(), 1u);
  EXPECT_EQ(Format(report->drafted_commitments[0].Left()), "99856000 USD");
  EXPECT_EQ(Format(report->recorded_commitments[0].Left()), "99856000 USD");
  EXPECT_EQ(report->assumed.size(), 1u) << "who the providers were";
}

// With six hours instead of three days, Azure's ten hours are too long, and the alternative gets
// the request two hours later.
TEST(Replay, AShorterWindowLapses) {
  OwnedAgreement draft = Agreement();
  AskingOf(draft.version.clauses[0])->window = Hours(6);
  const absl::StatusOr<ReplayReport> report = Replay(Recorded(), draft, Assume::kSilent);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(Tell(report->requests[0].drafted), "UNFILLED azure oracle softbank ->");
  EXPECT_THAT(report->requests[0].assumed,
              Contains(HasSubstr("azure took 10h to answer, and now has 6h")));
  EXPECT_THAT(report->requests[0].assumed,
              Contains("oracle was never asked; assumed: says nothing"));
  EXPECT_EQ(Tell(report->requests[1].drafted),
            "PARTIALLY_FULFILLED azure oracle softbank -> oracle 300");
  EXPECT_EQ(report->requests[1].drafted.to_placement, Hours(9));
  EXPECT_EQ(report->requests[1].recorded.to_placement, Hours(75));
}

TEST(Replay, WhatWasNeverAskedIsAssumedAsTold) {
  OwnedAgreement draft = Agreement();
  draft.version.clauses.erase(draft.version.clauses.begin());  // Without the first refusal.
  const absl::StatusOr<ReplayReport> silent = Replay(Recorded(), draft, Assume::kSilent);
  ASSERT_TRUE(silent.ok()) << silent.status();
  EXPECT_EQ(Tell(silent->requests[0].drafted), "UNFILLED oracle softbank ->");
  const absl::StatusOr<ReplayReport> accept = Replay(Recorded(), draft, Assume::kAccept);
  ASSERT_TRUE(accept.ok()) << accept.status();
  EXPECT_EQ(Tell(accept->requests[0].drafted), "FULFILLED oracle -> oracle 100");
  EXPECT_THAT(accept->requests[0].assumed,
              ElementsAre("oracle was never asked; assumed: takes all"));
  // It gives the recorded answer.
  EXPECT_EQ(Tell(accept->requests[2].drafted), "UNFILLED oracle softbank ->");
  EXPECT_THAT(accept->requests[2].assumed, IsEmpty());
  EXPECT_EQ(Format(accept->drafted_commitments[0].Left()), "100000000 USD")
      << "nothing went to the holder";
  const absl::StatusOr<ReplayReport> decline = Replay(Recorded(), draft, Assume::kDecline);
  ASSERT_TRUE(decline.ok());
  EXPECT_EQ(Tell(decline->requests[0].drafted), "UNFILLED oracle softbank ->");
}

// An exclusivity blocks what was placed elsewhere.
TEST(Replay, AnExclusivityBlocks) {
  OwnedAgreement draft = Agreement();
  draft.version.clauses[0].content = Exclusivity{*AskingOf(draft.version.clauses[0])};
  const absl::StatusOr<ReplayReport> report = Replay(Recorded(), draft, Assume::kSilent);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(Tell(report->requests[0].drafted), "FULFILLED azure -> azure 100");
  EXPECT_EQ(Tell(report->requests[1].drafted), "EXPIRED azure ->");
  EXPECT_EQ(report->drafted.unplaced, 2u);
}

// A provider's counter-offer and the owner's answer to it are repeated; where the draft lets nobody
// counter, the provider declines.
TEST(Replay, CountersAreMadeAndTakenAgain) {
  OwnedAgreement agreement = Agreement();
  AskingOf(agreement.version.clauses[0])->counter_window = Hours(48);
  const std::vector<Act> acts = Play(R"(given clock 2025-02-03T12:00:00Z
given providers azure, oracle
given agreement a
given requests resource h100 in us-east from 2025-06-01 to 2025-07-01 price 2 USD cap 3 USD class INFERENCE splittable
      sequential oracle step 24h
story one
when  openai requests 100
when  azure counters price 2.7 USD after 1h
when  openai takes counter after 1d
when  openai requests 50 at 2025-02-20
when  azure counters price 2.7 USD after 1h
when  openai leaves counter after 1h
when  oracle accepts after 2h
)",
                                     agreement);
  const absl::StatusOr<ReplayReport> same = Replay(acts, agreement, Assume::kSilent);
  ASSERT_TRUE(same.ok()) << same.status();
  ASSERT_EQ(same->requests.size(), 2u);
  EXPECT_EQ(Tell(same->requests[0].drafted), "FULFILLED azure -> azure 100");
  EXPECT_EQ(same->requests[0].drafted.to_placement, Hours(25));
  EXPECT_EQ(Tell(same->requests[1].drafted), "FULFILLED azure oracle -> oracle 50");
  for (const ReplayedRequest& request : same->requests) {
    EXPECT_EQ(Tell(request.recorded), Tell(request.drafted));
    EXPECT_EQ(request.recorded.to_placement, request.drafted.to_placement);
    EXPECT_THAT(request.assumed, IsEmpty());
  }
  const absl::StatusOr<ReplayReport> without = Replay(acts, Agreement(), Assume::kAccept);
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_EQ(Tell(without->requests[0].drafted), "FULFILLED azure oracle -> oracle 100");
  EXPECT_THAT(without->requests[0].assumed,
              Contains(HasSubstr("made a counter, which is not allowed here")));
  AskingOf(agreement.version.clauses[0])->counter_window = Hours(12);
  const absl::StatusOr<ReplayReport> shorter = Replay(acts, agreement, Assume::kAccept);
  ASSERT_TRUE(shorter.ok()) << shorter.status();
  EXPECT_THAT(shorter->requests[0].assumed,
              Contains("the owner took 1d over a counter, and now has 12h"));
}

// Waivers are granted again, where the draft has room for them.
TEST(Replay, WaiversAreGrantedAgain) {
  const std::vector<Act> acts = Play(R"(given clock 2025-02-03T12:00:00Z
given providers azure, oracle
given agreement a
given requests resource h100 in us-east from 2025-06-01 to 2025-07-01 price 2 USD class INFERENCE splittable
      sequential oracle step 24h
story one
when  azure grants W1 lifts C2 scope.purposes TESTING
when  openai requests 100 purpose TESTING
when  oracle accepts after 2h
)",
                                     Agreement());
  const absl::StatusOr<ReplayReport> same = Replay(acts, Agreement(), Assume::kSilent);
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_EQ(Tell(same->requests[0].recorded), "FULFILLED oracle -> oracle 100");
  EXPECT_EQ(Tell(same->requests[0].drafted), "FULFILLED oracle -> oracle 100");
  OwnedAgreement draft = Agreement();
  draft.version.clauses[0].id.value = "R1";
  const absl::StatusOr<ReplayReport> other = Replay(acts, draft, Assume::kAccept);
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(Tell(other->requests[0].drafted), "FULFILLED azure -> azure 100");
  EXPECT_THAT(other->assumed,
              Contains(HasSubstr("WAIVER_GRANTED azure/1/W1 is refused under the draft")));
}

TEST(Replay, RefusesWhatItCannotReplay) {
  EXPECT_EQ(Replay({}, Agreement(), Assume::kSilent).status().code(),
            absl::StatusCode::kInvalidArgument);
  OwnedAgreement other = Agreement();
  other.owner.value = "anthropic";
  EXPECT_THAT(std::string(View(Replay(Recorded(), other, Assume::kSilent).status().message())),
              HasSubstr("got the trail of openai, want that of anthropic"));
  OwnedAgreement broken = Agreement();
  AskingOf(broken.version.clauses[0])->window = Span{};
  EXPECT_EQ(Replay(Recorded(), broken, Assume::kSilent).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace capbroker
