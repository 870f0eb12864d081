// What every ledger must keep, as one suite: instantiated for the one in memory and the one in PostgreSQL.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/ledger.h"

namespace capbroker {

inline constexpr uint32_t kTestPartitions = 4;

// Two replicas' ledgers over one store, empty and open. For memory both are the same object.
struct LedgerPair {
  std::shared_ptr<void> store;  // Whatever must live as long.
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

// Rows with content of no meaning but the right shape.
RequestId IdOf(uint8_t n);  // Ordered by n.
Hash HashOf(uint8_t n);
IdempotencyKey KeyOf(uint8_t n);
// `tag` makes texts differ.
SealedAct ActOf(const OwnerId& owner, uint64_t sequence, const RequestId& request,
                const std::string& tag = "");
BookRow BookOf(const OwnerId& owner, uint64_t sequence);

// A batch for what `tenures` holds, and the step that follows it.
Batch BatchOf(const std::vector<Tenure>& tenures);
void Advance(std::vector<Tenure>& tenures);
std::vector<uint32_t> AllPartitions();

}  // namespace capbroker
