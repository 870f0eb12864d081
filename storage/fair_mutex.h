// A lock that goes round in the order it was asked for: nobody who comes back at once overtakes
// those who wait.
#pragma once

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace capbroker {

// absl::Mutex lets a thread that gives it up take it again before the one it woke has run. Threads
// that read in a loop would shut a writer out, for good where the scheduler never interrupts them.
class ABSL_LOCKABLE FairMutex {
 public:
  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    absl::MutexLock lock(&mutex_);
    const uint64_t turn = next_++;
    while (turn != now_) changed_.Wait(&mutex_);
  }
  void Unlock() ABSL_UNLOCK_FUNCTION() {
    absl::MutexLock lock(&mutex_);
    ++now_;
    changed_.SignalAll();
  }
  // How many wait or hold it; for tests.
  uint64_t users() {
    absl::MutexLock lock(&mutex_);
    return next_ - now_;
  }

 private:
  absl::Mutex mutex_;
  absl::CondVar changed_;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;  // The turn of the next to come.
  uint64_t now_ ABSL_GUARDED_BY(mutex_) = 0;   // Whose turn it is.
};

class ABSL_SCOPED_LOCKABLE FairLock {
 public:
  explicit FairLock(FairMutex* mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(*mutex) {
    mutex_.Lock();
  }
  ~FairLock() ABSL_UNLOCK_FUNCTION() { mutex_.Unlock(); }
  FairLock(const FairLock&) = delete;
  FairLock& operator=(const FairLock&) = delete;

 private:
  FairMutex& mutex_;
};

}  // namespace capbroker
