// What makes the broker unready, and what the text says of it.
#include "services/observability/readiness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/memory_ledger.h"

namespace capbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr Instant kNoon{1'790'000'000'000'000};

// A ledger whose database comes and goes.
class Gone : public MemoryLedger {
 public:
  Gone() : MemoryLedger(4, [] { return kNoon; }) {}
  absl::StatusOr<uint32_t> Open() override {
    opened++;
    if (!schema.ok()) return schema;
    return MemoryLedger::Open();
  }
  absl::StatusOr<std::vector<OwnerId>> Owners(const OwnerId& after, uint32_t limit) override {
    asked++;
    if (!database.ok()) return database;
    return MemoryLedger::Owners(after, limit);
  }
  absl::Status database, schema;
  int asked = 0, opened = 0;
};

class ReadinessTest : public ::testing::Test {
 protected:
  ReadinessTest() {
    status_.phase = SequencerStatus::Phase::kServing;
    status_.earliest_deadline = kLastInstant;
    status_.stepped_micros = boot_;
  }
  int64_t boot_ = 5'000'000;
  SequencerStatus status_;
  Gone ledger_;
  Edge::Reachability reachability_;
  Readiness readiness_{ledger_, [this] { return status_; }, [] { return kNoon; },
                       [this] { return boot_; }, [this] { return reachability_; }};
};

TEST_F(ReadinessTest, AllIsWell) {
  EXPECT_TRUE(readiness_.Ready().ok);
  EXPECT_EQ(readiness_.Ready().text,
            "database: ok\nschema: ok\nlistener: ok\npartitions: ok\ndeadlines: ok\n");
  EXPECT_EQ(ledger_.asked, 1) << "the second time is within the same second";
  boot_ += 1'000'000;
  EXPECT_TRUE(readiness_.Ready().ok);
  EXPECT_EQ(ledger_.asked, 2);
  EXPECT_EQ(ledger_.opened, 1) << "the schema was right a moment ago";
}

TEST_F(ReadinessTest, TheDatabaseIsGoneAndReturns) {
  ledger_.database = absl::UnavailableError("database: connection refused");
  const auto report = readiness_.Ready();
  EXPECT_FALSE(report.ok);
  EXPECT_THAT(report.text, HasSubstr("database: not reached: database: connection refused\n"));
  EXPECT_THAT(report.text, Not(HasSubstr("schema")));
  ledger_.database = absl::OkStatus();
  boot_ += 1'000'000;
  EXPECT_TRUE(readiness_.Ready().ok);
}

TEST_F(ReadinessTest, TheSchemaIsAnother) {
  ledger_.schema = absl::FailedPreconditionError("got schema 9, want 4");
  const auto report = readiness_.Ready();
  EXPECT_FALSE(report.ok);
  EXPECT_THAT(report.text, HasSubstr("database: ok\nschema: got schema 9, want 4\n"));
  ledger_.schema = absl::UnavailableError("too many sessions");
  boot_ += 1'000'000;
  EXPECT_TRUE(readiness_.Ready().ok) << "that says nothing about the schema";
}

TEST_F(ReadinessTest, ThePartitionsAreAnothers) {
  status_.phase = SequencerStatus::Phase::kStandby;
  status_.detail = "partition 0 is held by b";
  const auto report = readiness_.Ready();
  EXPECT_FALSE(report.ok);
  EXPECT_THAT(report.text, HasSubstr("partitions: standing by: partition 0 is held by b\n"));
}

TEST_F(ReadinessTest, ADeadlineIsOverdue) {
  status_.earliest_deadline = kNoon - kMostOverdue;
  EXPECT_TRUE(readiness_.Ready().ok);
  status_.earliest_deadline.micros--;
  const auto report = readiness_.Ready();
  EXPECT_FALSE(report.ok);
  EXPECT_THAT(report.text, HasSubstr("deadlines: the earliest, of "));
}

TEST_F(ReadinessTest, NobodyNewCanReachIt) {
  reachability_ = {kUnreachableMicros - 1, "connect: no answer"};
  EXPECT_TRUE(readiness_.Ready().ok);
  reachability_.silent_micros++;
  EXPECT_FALSE(readiness_.Ready().ok);
  EXPECT_THAT(
      readiness_.Ready().text,
      HasSubstr("listener: no new connection has been answered for 5s: connect: no answer\n"));
  EXPECT_TRUE(readiness_.Live().ok);
  reachability_.silent_micros = kLostMicros;
  EXPECT_FALSE(readiness_.Live().ok);
}

TEST_F(ReadinessTest, ItGoesDown) {
  readiness_.GoDown();
  const auto report = readiness_.Ready();
  EXPECT_FALSE(report.ok);
  EXPECT_THAT(report.text, HasSubstr("process: going down\n"));
  EXPECT_TRUE(readiness_.Live().ok);
}

TEST_F(ReadinessTest, LiveWhileTheSequencerGoesRound) {
  ledger_.database = absl::UnavailableError("gone");
  status_.phase = SequencerStatus::Phase::kRecovering;
  EXPECT_TRUE(readiness_.Live().ok);
  boot_ += kLongestSilence.micros;
  EXPECT_TRUE(readiness_.Live().ok);
  boot_ += 1;
  EXPECT_FALSE(readiness_.Live().ok);
  EXPECT_EQ(readiness_.Live().text, "sequencer: silent for 60.000001s\nlistener: ok\n");
  status_.stepped_micros = 0;
  EXPECT_TRUE(readiness_.Live().ok) << "it has not started";
}

}  // namespace
}  // namespace capbroker
