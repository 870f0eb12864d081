// Process metrics from /proc, under the names that Prometheus clients use.
#pragma once

#include <prometheus/collectable.h>

namespace capbroker {

// Linux only. What /proc does not provide is left out.
class ProcessMetrics final : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override;
};

}  // namespace capbroker
