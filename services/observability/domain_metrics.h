// Domain metrics: what the decisions of committed acts say about requests, offers, allocations and
// commitments.
//
// Names and labels are a contract with dashboards and alerts; docs/operations.md lists them. Label
// values are spelled as in the trail (FIRST_OFFER, DECLINED) and bounded: registered providers, at
// most kMostProviders, with the rest under "other"; at most kMostClauses clauses, with the rest
// left out.
#pragma once

#include <prometheus/registry.h>

#include <memory>

#include "services/sequencing/tap.h"

namespace capbroker {

inline constexpr size_t kMostProviders = 100;
inline constexpr size_t kMostClauses = 1'000;

class DomainMetrics {
 public:
  explicit DomainMetrics(prometheus::Registry& registry);  // `registry` outlives the metrics.
  ~DomainMetrics();

  // Counters grow from zero at the start of the process. Gauges (open offers, balances) cover the
  // partitions held: they follow from `standing` and later changes, and are zero or absent while no
  // partition is held.
  void Begin(const Standing& standing);
  void Add(const Change& change);
  void End();

 private:
  class Series;
  std::unique_ptr<Series> series_;
};

}  // namespace capbroker
