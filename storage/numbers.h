// The numbers that stand for owners' and providers' names in the database.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "storage/ledger.h"

namespace capbroker {

// Those that are known. A number never changes once it is given; what is forgotten is asked for
// again. Not safe to call from several threads at once.
class Numbers {
 public:
  // 0: not known.
  int32_t Of(const OwnerId& owner) const { return In(owners_, owner.value); }
  int32_t Of(const ProviderId& provider) const { return In(providers_, provider.value); }
  void Learn(const OwnerId& owner, int32_t number) { owners_[owner.value] = number; }
  void Learn(const ProviderId& provider, int32_t number) { providers_[provider.value] = number; }
  void Clear() {
    owners_.clear();
    providers_.clear();
  }

  // The names of a batch whose numbers are not known, each once.
  struct Unknown {
    std::vector<OwnerId> owners;
    std::vector<ProviderId> providers;
    bool IsEmpty() const { return owners.empty() && providers.empty(); }
  };
  Unknown UnknownOf(const Batch& batch);

 private:
  using Known = absl::flat_hash_map<std::string, int32_t>;
  static int32_t In(const Known& known, const std::string& name) {
    const auto found = known.find(name);
    return found == known.end() ? 0 : found->second;
  }
  Known owners_, providers_;
};

}  // namespace capbroker
