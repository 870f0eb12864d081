// Interned names: the numbers that stand for owners and providers in the database, and the
// partitions of owners.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "storage/ledger.h"

namespace capbroker {

// Cache of names. A number never changes once it is assigned; the cache may forget names, whose
// numbers are then asked for again. Not thread-safe.
class InternedNames {
 public:
  explicit InternedNames(uint32_t partitions) : partitions_(partitions) {}

  uint32_t partitions() const { return partitions_; }
  uint32_t PartitionOf(const OwnerId& owner);

  // 0: unknown.
  int32_t NumberOf(const OwnerId& owner) const;
  int32_t NumberOf(const ProviderId& provider) const;
  void Learn(const OwnerId& owner, int32_t number);
  void Learn(const ProviderId& provider, int32_t number) { providers_[provider.value] = number; }
  // For a new session, whose server may lack numbers that were assigned in the one before.
  void ForgetNumbers();

  // The names in a batch whose numbers are unknown, each once.
  struct Unknown {
    std::vector<OwnerId> owners;
    std::vector<ProviderId> providers;
    bool IsEmpty() const { return owners.empty() && providers.empty(); }
  };
  Unknown UnknownOf(const Batch& batch);

 private:
  struct Owner {
    uint32_t partition = 0;
    int32_t number = 0;
  };

  const uint32_t partitions_;
  absl::flat_hash_map<std::string, Owner> owners_;
  absl::flat_hash_map<std::string, int32_t> providers_;
};

}  // namespace capbroker
