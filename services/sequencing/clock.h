// Clock of the broker: follows the database's clock, extrapolated between commits with the
// machine's boot-time clock. It never goes backwards.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "broker/values/time.h"

namespace capbroker {

// Microseconds since boot, including suspended time; steps of the wall clock do not affect it.
int64_t BootMicros();

class Clock {
 public:
  // `boot` returns microseconds that never go backwards: BootMicros, or the clock of a test or of
  // the simulator.
  explicit Clock(std::function<int64_t()> boot = BootMicros) : boot_(std::move(boot)) {}

  int64_t Boot() const { return boot_(); }

  // The database reported `database_time` at some point between the boot times `sent` and
  // `received`. That bounds the offset, which is adjusted by the least that satisfies the bounds.
  void Observe(Instant database_time, int64_t sent_micros, int64_t received_micros)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Never before an earlier result, whatever the database's clock does. It stands still before the
  // first Observe: the machine's own clock may be ahead, and a time that was given out cannot be
  // taken back.
  Instant Now() ABSL_LOCKS_EXCLUDED(mutex_);
  // From now on Now() is not before `t`, the last act of a recovered book.
  void NotBefore(Instant t) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const std::function<int64_t()> boot_;
  absl::Mutex mutex_;
  bool observed_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t offset_micros_ ABSL_GUARDED_BY(mutex_) = 0;
  Instant last_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace capbroker
