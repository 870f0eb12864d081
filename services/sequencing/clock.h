// The broker's one clock: the database's, carried between commits on the machine's boot-time clock,
// never running back.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "broker/values/time.h"

namespace capbroker {

// Microseconds since boot, suspended time included; no step of the wall clock touches it.
int64_t BootMicros();

class Clock {
 public:
  // `boot` gives microseconds that never run back; a test's or the simulator's own, or BootMicros.
  explicit Clock(std::function<int64_t()> boot = BootMicros) : boot_(std::move(boot)) {}

  int64_t Boot() const { return boot_(); }

  // The database showed `database_time` at some point between the boot times `sent` and `received`.
  // That bounds the offset; it is moved by as little as makes it fit.
  void Observe(Instant database_time, int64_t sent_micros, int64_t received_micros)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Never before an earlier result, whatever the database's clock does. Stands still before the
  // first Observe: the machine's own clock may be ahead, and what was once said cannot be taken
  // back.
  Instant Now() ABSL_LOCKS_EXCLUDED(mutex_);
  // Now() is from here on not before `t` (the last act of a recovered book).
  void NotBefore(Instant t) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const std::function<int64_t()> boot_;
  absl::Mutex mutex_;
  bool observed_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t offset_micros_ ABSL_GUARDED_BY(mutex_) = 0;
  Instant last_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace capbroker
