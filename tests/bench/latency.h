// Latency histogram for the benchmarks. Its buckets are within a hundredth of the value that they
// count, so any number of samples takes the same memory.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <ctime>

namespace capbroker::bench {

// Nanoseconds of the clock that gRPC's monotonic deadlines use too.
inline int64_t Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

class Latencies {
 public:
  // A negative value counts as zero.
  void Add(int64_t nanos) {
    ++counts_[BucketOf(nanos < 0 ? 0 : static_cast<uint64_t>(nanos))];
    ++count_;
  }
  uint64_t count() const { return count_; }
  // The quantile at `share`, from 0 to 1, in milliseconds; 0 without samples.
  double Quantile(double share) const {
    const auto wanted = static_cast<uint64_t>(share * static_cast<double>(count_));
    uint64_t seen = 0;
    for (size_t i = 0; i < kBuckets; ++i) {
      seen += counts_[i];
      if (seen > wanted || (seen == count_ && count_ > 0)) return Middle(i) / 1e6;
    }
    return 0;
  }

 private:
  static constexpr uint64_t kParts = 128;  // Buckets of every power of two.
  static constexpr size_t kBuckets = 40 * kParts;

  static size_t BucketOf(uint64_t nanos) {
    if (nanos < kParts) return nanos;
    const int shift =
        std::bit_width(nanos) - 8;  // The eight highest bits stay: kParts to 2 * kParts - 1.
    const size_t bucket = static_cast<uint64_t>(shift) * kParts + (nanos >> shift);
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }
  static double Middle(size_t bucket) {
    if (bucket < 2 * kParts) return static_cast<double>(bucket) + 0.5;
    const uint64_t shift = bucket / kParts - 1;
    return (static_cast<double>(bucket - shift * kParts) + 0.5) *
           static_cast<double>(uint64_t{1} << shift);
  }

  std::array<uint64_t, kBuckets> counts_{};
  uint64_t count_ = 0;
};

}  // namespace capbroker::bench
