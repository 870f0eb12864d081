#include "broker/routing/feasible.h"

#include <algorithm>

#include "broker/values/calendar.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

// The latest instant at which this right may be asked, if its answer is to be there `by` then.
Instant LatestAsk(const Account& account, const ClauseRef& ref, Instant by, const Window& window) {
  const AgreementVersion& version = *account.Find(ref.agreement, ref.version);
  return LatestStart(CalendarOf(version, *FindClause(version, ref.clause)), by, window);
}

// Backwards from when it is needed: the matches (R1), the bids that they match, the first offers.
Instant LatestStartOf(const Route& route, const Request& request, const Account& account) {
  Instant by = std::min(request.needed_by, request.expiry);
  bool bids_first = false;
  for (auto ref = route.clauses.rbegin(); ref != route.clauses.rend(); ++ref) {
    const FirstRefusal& clause = MatchingOf(*account.Find(*ref));
    if (route.kind == Kind::ROUTE_EXCLUSIVE || clause.mode != Mode::kMatch) continue;
    by = LatestAsk(account, *ref, by, clause.MatchWindow());
    bids_first = true;
  }
  if (bids_first) by = by - request.fallback.step_window;
  for (auto ref = route.clauses.rbegin(); ref != route.clauses.rend(); ++ref) {
    const Clause& clause = *account.Find(*ref);
    if (route.kind == Kind::ROUTE_EXCLUSIVE || MatchingOf(clause).mode != Mode::kMatch)
      by = LatestAsk(account, *ref, by, AskingOf(clause)->window);
  }
  return by;
}

}  // namespace

Instant LatestSubmit(const Request& request, const Routing& routing, const Account& account) {
  Instant latest = kLastInstant;
  for (const Route& route : routing.routes) {
    if (route.kind != Kind::ROUTE_EXCLUSIVE && route.kind != Kind::ROUTE_FIRST_REFUSAL) continue;
    latest = std::min(latest, LatestStartOf(route, request, account));
  }
  return latest;
}

absl::Status CheckFeasible(const Request& request, const Routing& routing, const Account& account,
                           Instant now) {
  const Instant latest = LatestSubmit(request, routing, account);
  if (now <= latest) return absl::OkStatus();
  return Refuse(absl::StatusCode::kFailedPrecondition, "REQUEST_TOO_URGENT",
                Cat("the windows that rights-holders have do not fit before ",
                    Format(std::min(request.needed_by, request.expiry)),
                    "; the latest safe submit time was ", Format(latest)),
                {{"latest_safe_submit_time", Format(latest)}, {"server_time", Format(now)}});
}

}  // namespace capbroker
