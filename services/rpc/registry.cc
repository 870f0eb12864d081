#include "services/rpc/registry.h"

#include <vector>

#include "broker/trail/canonical.h"
#include "broker/trail/fold.h"

namespace capbroker {

absl::StatusOr<std::shared_ptr<const Directory>> Registry::Read() {
  constexpr uint32_t kActs = 1000;
  absl::MutexLock lock(&mutex_);
  const uint64_t known = book_.sequence;
  while (true) {
    absl::StatusOr<std::vector<SealedAct>> acts =
        ledger_.ReadActs({.owner = kDirectory, .from = book_.sequence, .limit = kActs});
    if (!acts.ok()) return acts.status();
    for (const SealedAct& sealed : *acts) {
      absl::StatusOr<Act> act = DecodeAct(sealed.text);
      if (!act.ok()) return act.status();
      if (absl::Status status = Fold(book_, *act); !status.ok()) return status;
    }
    if (acts->size() < kActs) break;
  }
  if (book_.sequence != known) directory_ = std::make_shared<const Directory>(book_.directory);
  return directory_;
}

}  // namespace capbroker
