// What other threads leave for one thread to do.
#pragma once

#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "broker/values/time.h"

namespace capbroker {

class Mailbox {
 public:
  using Work = absl::AnyInvocable<void()>;

  // From any thread; nothing is done with it any more once the mailbox is closed.
  void Post(Work work) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    if (!closed_) work_.push_back(std::move(work));
  }
  // Whoever waits looks around.
  void Ring() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    rung_ = true;
  }
  // What was left, oldest first; waits for it, for a ring, or until `patience` has passed.
  std::vector<Work> Take(Span patience) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(this, &Mailbox::HasNews),
                            absl::Microseconds(patience.micros));
    rung_ = false;
    return std::exchange(work_, {});
  }
  void Close() ABSL_LOCKS_EXCLUDED(mutex_) {
    std::vector<Work> dropped;  // Outside the lock: it may own what posts.
    absl::MutexLock lock(&mutex_);
    closed_ = true;
    dropped.swap(work_);
  }

 private:
  bool HasNews() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return rung_ || !work_.empty(); }

  absl::Mutex mutex_;
  std::vector<Work> work_ ABSL_GUARDED_BY(mutex_);
  bool rung_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace capbroker
