// What would become of a request, without asking for it: the very decisions that would follow if nobody
// answered.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "broker/book.h"
#include "broker/decision.h"
#include "broker/provider.h"
#include "broker/request.h"

namespace capbroker {

struct PlannedStep {
  Offer offer{};            // As it would be opened.
  Terms terms;              // What it would offer.
  Instant earliest_open;    // If all before it declined at once.
  Instant latest_deadline;  // If all before it stayed silent. Inclusive.
};

struct PlannedLineage {
  Lineage lineage;                 // With the providers passed over.
  std::vector<Passed> passed;      // The clauses that do not govern, and why.
  std::vector<PlannedStep> steps;  // In the order they would be asked.
};

struct Plan {
  Instant time;                          // It holds for this instant.
  std::vector<Decision> waiver_tests{};  // WAIVER_TESTED, with figures.
  std::vector<PlannedLineage> lineages{};
  // The last instant at which the rights' windows still fit before the request is needed (R25); unset if
  // there are none.
  Instant latest_submit{};
};

// Pure; writes nothing. The errors are those of creating the request. `owner` is whose account it is.
absl::StatusOr<Plan> PlanRequest(const OwnerId& owner, const Request& request, const Account& account,
                                 const Directory& directory, Instant now);

}  // namespace capbroker
