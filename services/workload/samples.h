// Latency samples, kept whole so that percentiles are exact.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace capbroker {

class Samples {
 public:
  void Add(int64_t micros) {
    values_.push_back(micros);
    sorted_ = false;
  }
  size_t count() const { return values_.size(); }

  // Nearest-rank percentile: the smallest sample that at least `per_mille` thousandths of all do
  // not exceed; 0 without samples. 500 is the median, 1000 the maximum.
  int64_t Percentile(int64_t per_mille) const {
    if (values_.empty()) return 0;
    if (!sorted_) std::sort(values_.begin(), values_.end());
    sorted_ = true;
    const int64_t rank = (static_cast<int64_t>(values_.size()) * per_mille + 999) / 1000;
    return values_[static_cast<size_t>(
        std::clamp<int64_t>(rank, 1, static_cast<int64_t>(values_.size())) - 1)];
  }

 private:
  mutable std::vector<int64_t> values_;
  mutable bool sorted_ = true;
};

}  // namespace capbroker
