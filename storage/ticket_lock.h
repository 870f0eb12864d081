// Ticket lock: FIFO-fair mutex.
#pragma once

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace capbroker {

// absl::Mutex lets a thread take the lock again before the thread it woke has run. Threads that
// read in a loop would starve a writer, forever if the scheduler does not preempt them.
class ABSL_LOCKABLE TicketLock {
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
  // Threads that wait for the lock or hold it; for tests.
  uint64_t users() {
    absl::MutexLock lock(&mutex_);
    return next_ - now_;
  }

 private:
  absl::Mutex mutex_;
  absl::CondVar changed_;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;  // The ticket of the next thread to come.
  uint64_t now_ ABSL_GUARDED_BY(mutex_) = 0;   // The ticket now being served.
};

class ABSL_SCOPED_LOCKABLE ScopedTicketLock {
 public:
  explicit ScopedTicketLock(TicketLock* mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex)
      : mutex_(*mutex) {
    mutex_.Lock();
  }
  ~ScopedTicketLock() ABSL_UNLOCK_FUNCTION() { mutex_.Unlock(); }
  ScopedTicketLock(const ScopedTicketLock&) = delete;
  ScopedTicketLock& operator=(const ScopedTicketLock&) = delete;

 private:
  TicketLock& mutex_;
};

}  // namespace capbroker
