// Thread pool for work that may block, such as reads of the ledger, and for rendering. gRPC's own
// threads must never block.
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
  ~Pool();  // Runs what is queued first.

  // False if `bound` tasks are queued already; the task is then dropped.
  bool TryRun(Task task) ABSL_LOCKS_EXCLUDED(mutex_);
  // Ignores the bound: for the next step of a stream that was admitted, of which one is queued at a
  // time.
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
