// Threads for what may wait: reads of the ledger, and what watchers are told. gRPC's own threads
// must never block.
#pragma once

#include <deque>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"

namespace capbroker {

class Pool {
 public:
  using Task = absl::AnyInvocable<void()>;

  Pool(size_t threads, size_t bound);
  ~Pool();  // Runs what is queued, then ends.

  // False when `bound` tasks wait already; the task is then dropped.
  bool TryRun(Task task) ABSL_LOCKS_EXCLUDED(mutex_);
  // Regardless of the bound: for the next step of something that was let in, of which there is one
  // step at a time.
  void Run(Task task) ABSL_LOCKS_EXCLUDED(mutex_);
  size_t waiting() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Work() ABSL_LOCKS_EXCLUDED(mutex_);

  const size_t bound_;
  std::vector<std::thread> threads_;

  mutable absl::Mutex mutex_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace capbroker
