// What the decisions of committed acts say about requests, offers, holds and commitments, as
// metrics.
//
// Names and labels are a contract with dashboards and alerts; docs/operations.md lists them. Label
// values are spelled as the trail spells them (FIRST_OFFER, DECLINED), and bounded: providers by
// the registered ones, at most kMostProviders of them, the rest under "other"; clauses by
// kMostClauses, the rest not shown.
#pragma once

#include <prometheus/registry.h>

#include <memory>

#include "services/sequencing/tap.h"

namespace capbroker {

inline constexpr size_t kMostProviders = 100;
inline constexpr size_t kMostClauses = 1'000;

class DomainMetrics {
 public:
  explicit DomainMetrics(prometheus::Registry& registry);  // Which outlives it.
  ~DomainMetrics();

  // Counters only grow, from zero at the start of the process. Gauges (open offers, balances) are
  // of the partitions held: they follow from `standing` and what is added since, and are zero or
  // absent while none is held.
  void Begin(const Standing& standing);
  void Add(const Change& change);
  void End();

 private:
  class Series;
  std::unique_ptr<Series> series_;
};

}  // namespace capbroker
