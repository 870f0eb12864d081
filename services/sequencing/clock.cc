#include "services/sequencing/clock.h"

#include <time.h>

#include <algorithm>

namespace capbroker {

int64_t BootMicros() {
  timespec t;
  clock_gettime(CLOCK_BOOTTIME, &t);
  return t.tv_sec * int64_t{1'000'000} + t.tv_nsec / 1000;
}

void Clock::Observe(Instant database_time, int64_t sent_micros, int64_t received_micros) {
  const int64_t least = database_time.micros - received_micros;
  const int64_t most = database_time.micros - sent_micros;
  absl::MutexLock lock(&mutex_);
  offset_micros_ = observed_ ? std::clamp(offset_micros_, least, most) : least + (most - least) / 2;
  observed_ = true;
}

Instant Clock::Now() {
  absl::MutexLock lock(&mutex_);
  // Read under the lock, so that two callers cannot get their results in reverse order.
  if (observed_) last_ = std::max(last_, Instant{boot_() + offset_micros_});
  return last_;
}

void Clock::NotBefore(Instant t) {
  absl::MutexLock lock(&mutex_);
  last_ = std::max(last_, t);
}

}  // namespace capbroker
