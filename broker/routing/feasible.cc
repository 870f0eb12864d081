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

// How long alternatives may take one after the other, or together; of all who may be asked, where
// the request names none, one.
Span FallbackOf(const Request& request) {
  const Fallback& fallback = request.fallback;
  if (fallback.kind == FallbackKind::kNone) return Span{};
  const auto steps = fallback.kind == FallbackKind::kSequential
                         ? std::max<size_t>(fallback.providers.size(), 1)
                         : size_t{1};
  return {fallback.step_window.micros * static_cast<int64_t>(steps)};
}

// Backwards from when it is needed: the confirmation, the matches (R1), the bids that they match,
// the first offers. `whole`: with the fallback, and the matches that it may bring.
Instant LatestStartOf(const Route& route, const Request& request, const Account& account,
                      bool whole) {
  Instant by = std::min(request.needed_by, request.expiry);
  const auto always_matches = [&](const ClauseRef& ref) {
    return route.kind == Kind::ROUTE_FIRST_REFUSAL &&
           MatchingOf(*account.Find(ref)).mode == Mode::kMatch;
  };
  const bool has_rights =
      route.kind == Kind::ROUTE_EXCLUSIVE || route.kind == Kind::ROUTE_FIRST_REFUSAL;
  const std::vector<ClauseRef> rights = has_rights ? route.clauses : std::vector<ClauseRef>();
  const bool bids_first = std::any_of(rights.begin(), rights.end(), always_matches);
  Span confirm;
  for (const ClauseRef& ref : rights)
    confirm = std::max(confirm, AskingOf(*account.Find(ref))->confirm_within);
  const bool falls_back = whole && route.kind != Kind::ROUTE_EXCLUSIVE;
  if (bids_first || falls_back) confirm = std::max(confirm, request.fallback.confirm_within);
  by = by - confirm;
  for (auto ref = rights.rbegin(); ref != rights.rend(); ++ref) {
    const FirstRefusal& clause = MatchingOf(*account.Find(*ref));
    const bool may_match = falls_back && clause.mode == Mode::kFirstOfferThenMatch;
    if (!always_matches(*ref) && !may_match) continue;
    const Asking& asking = *AskingOf(*account.Find(*ref));
    by = LatestAsk(account, *ref, by,
                   clause.match_window.IsSet() ? clause.match_window : asking.window);
  }
  if (falls_back) {
    by = by - FallbackOf(request);
  } else if (bids_first) {
    by = by - request.fallback.step_window;
  }
  for (auto ref = rights.rbegin(); ref != rights.rend(); ++ref) {
    if (!always_matches(*ref))
      by = LatestAsk(account, *ref, by, AskingOf(*account.Find(*ref))->window);
  }
  return by;
}

}  // namespace

Instant LatestSubmit(const Request& request, const Routing& routing, const Account& account) {
  Instant latest = kLastInstant;
  for (const Route& route : routing.routes) {
    if (route.kind != Kind::ROUTE_EXCLUSIVE && route.kind != Kind::ROUTE_FIRST_REFUSAL) continue;
    latest = std::min(latest, LatestStartOf(route, request, account, /*whole=*/false));
  }
  return latest;
}

Instant LatestSubmitWithFallback(const Request& request, const Routing& routing,
                                 const Account& account) {
  Instant latest = kLastInstant;
  for (const Route& route : routing.routes)
    latest = std::min(latest, LatestStartOf(route, request, account, /*whole=*/true));
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
