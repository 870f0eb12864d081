// Rate limit for a log line: admits one per second and counts what was suppressed. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

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

}  // namespace capbroker
