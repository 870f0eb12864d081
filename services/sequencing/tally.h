// Histogram with fixed buckets. Plain numbers, for one thread at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace capbroker {

// Bounds in microseconds, from 100 us to 30 s.
inline constexpr std::array<int64_t, 17> kLatencyBounds = {
    100,     250,     500,     1'000,     2'500,     5'000,     10'000,     25'000,    50'000,
    100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000, 30'000'000};
inline constexpr std::array<int64_t, 11> kCountBounds = {1,   2,   5,   10,    20,   50,
                                                         100, 200, 500, 1'000, 2'000};

// The bucket of `value` among ascending inclusive bounds; bounds.size() if it is above all of them.
template <size_t N>
constexpr size_t BucketOf(const std::array<int64_t, N>& bounds, int64_t value) {
  return static_cast<size_t>(std::lower_bound(bounds.begin(), bounds.end(), value) -
                             bounds.begin());
}

template <const auto& kBounds>
struct Tally {
  std::array<uint64_t, kBounds.size() + 1> counts{};  // By BucketOf; not cumulative.
  int64_t sum = 0;
  void Add(int64_t value) {
    counts[BucketOf(kBounds, value)]++;
    sum += value;
  }
};

}  // namespace capbroker
