// Builders of Prometheus metric families that are computed at scrape time.
#pragma once

#include <prometheus/metric_family.h>

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace capbroker {

using Labels = std::vector<std::pair<std::string, std::string>>;

prometheus::MetricFamily MakeFamily(const std::string& name, const std::string& help,
                                    prometheus::MetricType type);
void AddCounter(prometheus::MetricFamily& family, const Labels& labels, double value);
void AddGauge(prometheus::MetricFamily& family, const Labels& labels, double value);
// A family with one value and no labels.
prometheus::MetricFamily MakeCounter(const std::string& name, const std::string& help,
                                     double value);
prometheus::MetricFamily MakeGauge(const std::string& name, const std::string& help, double value);

// `counts` has one more element than `bounds` and is not cumulative. Bounds and sum are multiplied
// by `unit`.
template <size_t N>
void AddHistogram(prometheus::MetricFamily& family, const Labels& labels,
                  const std::array<int64_t, N>& bounds, const std::array<uint64_t, N + 1>& counts,
                  int64_t sum, double unit);

// ---- Implementation.

prometheus::ClientMetric& AddMetric(prometheus::MetricFamily& family, const Labels& labels);

template <size_t N>
void AddHistogram(prometheus::MetricFamily& family, const Labels& labels,
                  const std::array<int64_t, N>& bounds, const std::array<uint64_t, N + 1>& counts,
                  int64_t sum, double unit) {
  prometheus::ClientMetric::Histogram& out = AddMetric(family, labels).histogram;
  for (size_t i = 0; i <= N; ++i) {
    out.sample_count += counts[i];
    // Divides by the inverse, which is exact: 0.0001 and not 0.00010000000000000001.
    if (i < N)
      out.bucket.push_back({out.sample_count, static_cast<double>(bounds[i]) / (1 / unit)});
  }
  out.sample_sum = static_cast<double>(sum) * unit;
}

}  // namespace capbroker
