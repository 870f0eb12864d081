// What would become of a request, without asking for it: the very decisions that would follow if
// nobody answered.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "broker/deciding/command.h"
#include "broker/trail/book.h"
#include "broker/trail/decision.h"
#include "broker/values/calendar.h"
#include "broker/values/provider.h"
#include "broker/values/request.h"

namespace capbroker {

struct PlannedStep {
  Offer offer{};                    // As it would be opened.
  Terms terms;                      // What it would offer.
  Instant earliest_open;            // If all before it declined at once.
  Instant latest_deadline;          // If all before it stayed silent. Inclusive.
  std::vector<Interval> counted{};  // Under a business calendar: what counts of that window (R3).
};

struct PlannedLineage {
  Lineage lineage;                 // With the providers passed over.
  std::vector<Passed> passed;      // The clauses that do not govern, and why.
  std::vector<PlannedStep> steps;  // In the order they would be asked.
};

struct Plan {
  Instant time;                   // It holds for this instant.
  std::vector<Decision> tests{};  // WAIVER_TESTED and AGGREGATION_APPLIED, with figures.
  std::vector<PlannedLineage> lineages{};
  // The last instant at which the rights' windows still fit before the request is needed (R25);
  // unset if there are none.
  Instant latest_submit{};
};

// Pure; writes nothing. The errors are those of creating the request. `owner` is whose account it
// is.
absl::StatusOr<Plan> PlanRequest(const OwnerId& owner, const Request& request,
                                 const Account& account, const Directory& directory, Instant now);

// The same for a request in progress: what became of it, and what would if nobody answered from now
// on. `acts` is its trail, oldest first; `what_if` is decided first, on a copy (an amendment, a
// draft of the next agreement version), with the errors of those commands.
absl::StatusOr<Plan> Explain(const OwnerId& owner, const RequestBook& request,
                             const std::vector<Act>& acts, const Account& account,
                             const Directory& directory, const std::vector<Command>& what_if,
                             Instant now);

}  // namespace capbroker
