// What every ledger asks of a batch before it looks at what it holds.
#pragma once

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "storage/ledger.h"

namespace capbroker {

// PartitionOf with a memory: hashing an owner's name for every row of every batch would cost more
// than the row. Not safe to call from several threads at once.
class Places {
 public:
  explicit Places(uint32_t partitions) : partitions_(partitions) {}
  uint32_t Of(const OwnerId& owner);
  uint32_t partitions() const { return partitions_; }

 private:
  uint32_t partitions_;
  absl::flat_hash_map<std::string, uint32_t> known_;
};

// Why no ledger may take this batch: fences missing, twice, out of order or unknown; a row of a
// partition without a fence; a sequence, a count or an offer's number that is zero; less than
// nothing accepted, or an allocation of nothing. Empty: none.
std::string FlawOf(const Batch& batch, Places& places);

}  // namespace capbroker
