// This process as the kernel sees it, under the names that every Prometheus client uses.
#pragma once

#include <prometheus/collectable.h>

namespace capbroker {

// Linux. What /proc does not say is left out.
class ProcessMetrics final : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override;
};

}  // namespace capbroker
