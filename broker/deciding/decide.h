// The deciding function. Everything the broker ever does is one of these calls, folded into the
// book.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/deciding/command.h"
#include "broker/trail/book.h"
#include "broker/trail/decision.h"
#include "broker/values/provider.h"

namespace capbroker {

// What a command comes to. A refusal may itself be a decision (a late answer is refused, and
// recorded).
struct Verdict {
  std::vector<Decision> decisions{};  // Empty: nothing changed.
  absl::Status refusal{};  // OK, or what the caller is told although decisions were recorded.
  // The request as the decisions leave it, where deciding folded them on the way: for Fold. May be
  // null.
  std::shared_ptr<const RequestBook> request{};
};

// The sole way anything changes. Pure: same book, directory, command and time give the same
// decisions. `now` is not before the book's last act.
//
// A plain status means that nothing was decided, and nothing is recorded:
// INVALID_ARGUMENT     a field is malformed; names it, with got and want.
// NOT_FOUND            no such request, offer, agreement or provider, or none of the actor's.
// FAILED_PRECONDITION  the offer or request is past this (reasons OFFER_CLOSED, OFFER_SUPERSEDED,
// LATE_ANSWER,
//                      REQUEST_FINISHED, REQUEST_TOO_URGENT, EXCLUSIVITY_CONFLICT, ...).
// PERMISSION_DENIED    the actor has no part in this.
// ABORTED              another act was recorded first (ALREADY_PLACED, OFFER_RESCINDED,
// VERSION_CONFLICT); carries the
//                      present state.
// ALREADY_EXISTS       an agreement, version, waiver or provider of this name.
absl::StatusOr<Verdict> Decide(const Book& book, const Directory& directory, const Command& command,
                               Instant now);

// R22. The requests with a running window to which an outage [down_since, now] may be added back.
// `toll_over` is the deployment's threshold, for windows that no clause governs; zero: never.
std::vector<RequestId> RequestsToToll(const Book& book, Instant down_since, Span toll_over,
                                      Instant now);

}  // namespace capbroker
