// Cache of the registered providers in the ledger: reads them once, and then only new acts.
#pragma once

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "broker/trail/book.h"
#include "storage/ledger.h"

namespace capbroker {

// The sequencer's own directory is not used: it is published a moment after a change was answered,
// and a standby has none.
class Registry {
 public:
  explicit Registry(Ledger& ledger) : ledger_(ledger) { book_.owner = kDirectory; }

  // The present directory. Blocks; errors are those of the ledger.
  absl::StatusOr<std::shared_ptr<const Directory>> Read() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  Ledger& ledger_;
  absl::Mutex mutex_;
  Book book_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const Directory> directory_ ABSL_GUARDED_BY(mutex_) =
      std::make_shared<const Directory>();
};

}  // namespace capbroker
