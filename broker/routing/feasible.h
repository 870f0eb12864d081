// R25: whether every window that must run can, before the request is needed.
#pragma once

#include "absl/status/status.h"
#include "broker/routing/route.h"
#include "broker/trail/book.h"
#include "broker/values/request.h"

namespace capbroker {

// The last instant at which the request may be made: every right over each route is asked for its
// whole window, one after the other, and what was taken is confirmed, before it is needed or
// expires. kLastInstant if no right is.
Instant LatestSubmit(const Request& request, const Routing& routing, const Account& account);
// The same if nobody but the last alternative supplies: with the steps of the fallback, and the
// matches that it may bring.
Instant LatestSubmitWithFallback(const Request& request, const Routing& routing,
                                 const Account& account);

// FAILED_PRECONDITION (REQUEST_TOO_URGENT) with the latest safe submit time, if `now` is past it.
absl::Status CheckFeasible(const Request& request, const Routing& routing, const Account& account,
                           Instant now);

}  // namespace capbroker
