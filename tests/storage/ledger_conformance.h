// Conformance suite of ledgers, instantiated for the one in memory and the one in PostgreSQL.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/ledger.h"

namespace capbroker {

inline constexpr uint32_t kTestPartitions = 4;

// Ledgers of two replicas over one store, empty and initialized. In memory both are the same
// object.
struct LedgerPair {
  std::shared_ptr<void> store;  // Keeps alive what both need.
  std::shared_ptr<Ledger> one, two;
};
using MakeLedgers = std::function<LedgerPair()>;

class LedgerConformance : public testing::TestWithParam<std::pair<std::string, MakeLedgers>> {
 protected:
  void SetUp() override;
  Ledger& ledger() { return *pair_.one; }
  Ledger& other() { return *pair_.two; }

 private:
  LedgerPair pair_;
};

inline const OwnerId kOpenai{"openai"};
inline const OwnerId kMistral{"mistral"};
inline const ProviderId kAzure{"azure"};

// Rows of the right shape, with content of no meaning.
RequestId IdOf(uint8_t n);  // Ordered by n.
Hash HashOf(uint8_t n);
IdempotencyKey KeyOf(uint8_t n);
// `tag` makes texts differ.
SealedAct ActOf(const OwnerId& owner, uint64_t sequence, const RequestId& request,
                const std::string& tag = "");
BookRow BookOf(const OwnerId& owner, uint64_t sequence);
OfferRow OfferOf(const OwnerId& owner, const RequestId& request,
                 uint32_t number);  // An open offer to kAzure.

// A batch for the partitions of `tenures`, and the number of its step.
Batch BatchOf(const std::vector<Tenure>& tenures);
void Advance(std::vector<Tenure>& tenures);
std::vector<uint32_t> AllPartitions();

// Takes every partition, and commits batches with what `fill` adds.
class Writer {
 public:
  explicit Writer(Ledger& ledger, const std::string& holder = "one") : ledger_(ledger) {
    auto taken = ledger.Take(holder, "here:1", AllPartitions(), Seconds(10));
    EXPECT_TRUE(taken.ok()) << taken.status();
    if (taken.ok()) tenures = *taken;
  }
  CommitResult Commit(const std::function<void(Batch&)>& fill) {
    Batch batch = BatchOf(tenures);
    fill(batch);
    CommitResult result = ledger_.Commit(batch);
    if (result.outcome == CommitOutcome::kDurable) Advance(tenures);
    return result;
  }
  void MustCommit(const std::function<void(Batch&)>& fill) {
    const CommitResult result = Commit(fill);
    ASSERT_EQ(result.outcome, CommitOutcome::kDurable) << result.error;
  }
  std::vector<Tenure> tenures;

 private:
  Ledger& ledger_;
};

}  // namespace capbroker
