// Rate limit for a log line: admits one per second and counts what was suppressed. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/node_hash_map.h"
#include "absl/synchronization/mutex.h"

namespace capbroker {

class LogRateLimit {
 public:
  // `second` is of any clock. If the line is admitted, returns how many were suppressed since the
  // last one that was.
  std::optional<uint64_t> Admit(int64_t second) {
    int64_t last = last_.load(std::memory_order_relaxed);
    if (last == second || !last_.compare_exchange_strong(last, second, std::memory_order_relaxed)) {
      suppressed_.fetch_add(1, std::memory_order_relaxed);
      return std::nullopt;
    }
    return suppressed_.exchange(0, std::memory_order_relaxed);
  }

 private:
  std::atomic<int64_t> last_ = INT64_MIN;
  std::atomic<uint64_t> suppressed_ = 0;
};

// One such limit for each of several kinds, of which there is a bounded number.
class LogRateLimits {
 public:
  std::optional<uint64_t> Admit(const std::string& kind, int64_t second)
      ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return kinds_[kind].Admit(second);
  }

 private:
  absl::Mutex mutex_;
  absl::node_hash_map<std::string, LogRateLimit> kinds_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace capbroker
