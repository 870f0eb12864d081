#include "broker/values/ids.h"
#include "storage/ledger.h"

namespace capbroker {

uint32_t PartitionOf(const OwnerId& owner, uint32_t partitions) {
  const Hash hash = Sha256(owner.value);
  uint64_t number = 0;
  for (size_t i = 0; i < 8; ++i) number = number << 8 | hash[i];
  return static_cast<uint32_t>(number % partitions);
}

}  // namespace capbroker
