// What would be said too often, said once a second. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

namespace capbroker {

class Seldom {
 public:
  // In this second, of any clock: how many were left out since the last that was said, if this is
  // to be said.
  std::optional<uint64_t> Take(int64_t second) {
    int64_t last = last_.load(std::memory_order_relaxed);
    if (last == second || !last_.compare_exchange_strong(last, second, std::memory_order_relaxed)) {
      left_out_.fetch_add(1, std::memory_order_relaxed);
      return std::nullopt;
    }
    return left_out_.exchange(0, std::memory_order_relaxed);
  }

 private:
  std::atomic<int64_t> last_ = INT64_MIN;
  std::atomic<uint64_t> left_out_ = 0;
};

}  // namespace capbroker
