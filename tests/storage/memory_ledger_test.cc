#include "storage/memory_ledger.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/storage/ledger_conformance.h"

namespace capbroker {
namespace {

std::shared_ptr<MemoryLedger> Make() {
  auto now = std::make_shared<std::atomic<int64_t>>(1'700'000'000'000'000);
  return std::make_shared<MemoryLedger>(kTestPartitions,
                                        [now] { return Instant{now->fetch_add(1000)}; });
}

INSTANTIATE_TEST_SUITE_P(Memory, LedgerConformance,
                         testing::Values(std::pair<std::string, MakeLedgers>(
                             "Memory",
                             [] {
                               auto ledger = Make();
                               return LedgerPair{nullptr, ledger, ledger};
                             })),
                         [](const auto& info) { return info.param.first; });

TEST(MemoryLedger, FailsACommitBeforeOrAfterItTookEffect) {
  auto ledger = Make();
  auto tenures = *ledger->Take("one", "", AllPartitions(), Seconds(10));
  for (const bool takes_effect : {false, true}) {
    ledger->FailNextCommit(CommitOutcome::kUnknown, takes_effect);
    EXPECT_EQ(ledger->Commit(BatchOf(tenures)).outcome, CommitOutcome::kUnknown);
    const uint64_t before = tenures[0].batch;
    tenures = *ledger->Take("one", "", AllPartitions(), Seconds(10));
    EXPECT_EQ(tenures[0].batch, before + (takes_effect ? 1 : 0));
  }
  ledger->FailNextCommit(CommitOutcome::kRefused, false);
  EXPECT_EQ(ledger->Commit(BatchOf(tenures)).outcome, CommitOutcome::kRefused);
  EXPECT_EQ(ledger->Commit(BatchOf(tenures)).outcome, CommitOutcome::kDurable);
}

TEST(MemoryLedger, IsUnavailableOnDemand) {
  auto ledger = Make();
  auto tenures = *ledger->Take("one", "", AllPartitions(), Seconds(10));
  ledger->SetUnavailable(true, false);
  EXPECT_EQ(ledger->Commit(BatchOf(tenures)).outcome, CommitOutcome::kUnknown);
  EXPECT_TRUE(absl::IsUnavailable(ledger->Take("one", "", AllPartitions(), Seconds(10)).status()));
  EXPECT_TRUE(absl::IsUnavailable(ledger->Heartbeat(tenures).status()));
  EXPECT_TRUE(ledger->ReadActs({.owner = kOpenai}).ok());
  ledger->SetUnavailable(false, true);
  EXPECT_TRUE(absl::IsUnavailable(ledger->ReadActs({.owner = kOpenai}).status()));
  EXPECT_EQ(ledger->Commit(BatchOf(tenures)).outcome, CommitOutcome::kDurable);
}

}  // namespace
}  // namespace capbroker
