#include "broker/routing/route.h"

#include <algorithm>
#include <tuple>

#include "absl/container/flat_hash_set.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

// A clause with the version it stands in; of a waiver written beside an agreement, the version in
// force.
struct InForce {
  const AgreementVersion* version;
  const Clause* clause;
  ClauseRef ref;
};

// Seniority among first refusals: ascending priority, then earlier effect, then id.
auto SeniorityOf(const InForce& c) {
  return std::tuple(MatchingOf(*c.clause).priority, c.version->effective_from, c.version->agreement,
                    c.clause->id);
}

// Parts per million of the request's quantity with a purpose that the waiver names, rounded down.
int64_t WaivedShare(const Request& request, const Scope& scope) {
  __int128 waived = 0;
  for (const Segment& segment : request.segments) {
    if (Covers(scope, request, segment, true)) waived += segment.quantity;
  }
  return static_cast<int64_t>(waived * 1'000'000 / request.terms.quantity);
}

// R20. Whether the waiver may lift anything of this request; units already drawn count against its
// cap.
WaiverTest Test(const InForce& waiver, const Request& request, const std::vector<int64_t>& todo,
                const Account& account, Instant now) {
  WaiverTest test{.waiver = waiver.ref, .met = false, .reason = "MET", .figures = {}};
  const Scope& scope = waiver.clause->scope;
  const Waiver& clause = *As<Waiver>(*waiver.clause);
  int64_t units = 0;
  for (size_t i = 0; i < request.segments.size(); ++i) {
    if (Covers(scope, request, request.segments[i], true)) units += todo[i];
  }
  const int64_t share = WaivedShare(request, scope);
  const int64_t drawn = account.WaiverDrawn(waiver.version->agreement, waiver.clause->id);
  test.figures.push_back({"share_ppm", Cat(share), Cat(clause.min_share_ppm)});
  if (clause.cap_quantity != 0)
    test.figures.push_back({"drawn", Cat(drawn + units), Cat(clause.cap_quantity)});
  if (clause.start_time.IsSet() && now < clause.start_time) {
    test.reason = "NOT_YET";
  } else if (clause.end_time.IsSet() && now >= clause.end_time) {
    test.reason = "OVER";
  } else if (share < clause.min_share_ppm) {
    test.reason = "SHARE_TOO_SMALL";
  } else if (clause.cap_quantity != 0 && drawn + units > clause.cap_quantity) {
    test.reason = "CAP_EXHAUSTED";
  }
  test.met = test.reason == "MET";
  return test;
}

// Lower is more restrictive.
int RestrictionOf(Kind route) {
  switch (route) {
    case Kind::ROUTE_EXCLUSIVE:
      return 0;
    case Kind::ROUTE_FIRST_REFUSAL:
      return 1;
    case Kind::ROUTE_WAIVED:
      return 2;
    default:
      return 3;
  }
}

class Router {
 public:
  Router(const Request& request, const std::vector<int64_t>& todo, const Account& account,
         Instant now)
      : request_(request), todo_(todo), account_(account), now_(now) {
    for (const AgreementVersion* version : account.InForce(now)) {
      for (const Clause& clause : version->clauses) {
        const InForce found{version, &clause, RefOf(*version, clause)};
        if (account.IsTriggered(found.ref)) continue;  // R18.
        if (IsRight(clause)) rights_.push_back(found);
        if (As<Waiver>(clause) != nullptr) waivers_.push_back(found);
      }
      for (const GrantedWaiver& waiver : account.grants) {  // R19, R20: revocation is prospective.
        const Grant& grant = *waiver.grant;
        const bool applies = !grant.request.IsSet() || grant.request == request.id;
        if (grant.agreement == version->agreement && !waiver.revoked.IsSet() && applies)
          waivers_.push_back({version, &grant.waiver, waiver.ref()});
      }
    }
    std::sort(rights_.begin(), rights_.end(),
              [](const InForce& a, const InForce& b) { return SeniorityOf(a) < SeniorityOf(b); });
    for (const InForce& waiver : waivers_) {
      if (!IsNamed(waiver)) continue;
      tests_.push_back(Test(waiver, request, todo, account, now));
    }
  }

  absl::StatusOr<Routing> Run() {
    for (const InForce& right : rights_) Aggregate(right);
    std::vector<Route> routes;
    for (uint32_t i = 0; i < request_.segments.size(); ++i) {
      if (todo_[i] == 0) continue;
      Route route = RouteSegment(i);
      const auto same = std::find_if(routes.begin(), routes.end(), [&](const Route& other) {
        return other.kind == route.kind && other.clauses == route.clauses;
      });
      if (same == routes.end()) {
        routes.push_back(std::move(route));
      } else {
        same->segments.push_back(i);
        same->quantity += route.quantity;
      }
    }
    if (routes.size() > 1 && !request_.splittable) {
      if (absl::Status status = Merge(routes); !status.ok()) return status;
    }
    for (Route& route : routes) Draw(route);
    return Routing{std::move(aggregations_), std::move(tests_), std::move(routes)};
  }

 private:
  // R24: the request's quantity, with what counts together with it under this right.
  int64_t CountedWith(const InForce& right, const std::string& purpose) const {
    int64_t counted = request_.terms.quantity;
    if (AskingOf(*right.clause)->aggregation_window == Span{}) return counted;
    for (const capbroker::Aggregate& other : account_.aggregates) {
      const bool alike =
          other.agreement == right.ref.agreement && other.clause == right.ref.clause &&
          other.region == request_.terms.region &&
          other.resource_type == request_.terms.resource_type && other.purpose == purpose;
      if (alike && now_ < other.until) counted += other.quantity;
    }
    return counted;
  }

  // One entry for each purpose that the right covers but for its minimum.
  void Aggregate(const InForce& right) {
    const Span window = AskingOf(*right.clause)->aggregation_window;
    if (window == Span{}) return;
    for (size_t i = 0; i < request_.segments.size(); ++i) {
      const Segment& segment = request_.segments[i];
      if (todo_[i] == 0 || !Covers(right.clause->scope, request_, segment, false, kMostQuantity))
        continue;
      const auto same = std::find_if(
          aggregations_.begin(), aggregations_.end(), [&](const AggregationTest& test) {
            return test.clause == right.ref && test.adds.purpose == segment.purpose;
          });
      if (same != aggregations_.end()) {
        same->adds.quantity += todo_[i];
        continue;
      }
      const int64_t counted = CountedWith(right, segment.purpose);
      const int64_t least = right.clause->scope.min_quantity;
      aggregations_.push_back(
          {right.ref,
           {right.ref.agreement, right.ref.clause, request_.terms.region,
            request_.terms.resource_type, segment.purpose, todo_[i], now_ + window},
           counted >= least,
           {"quantity", Cat(counted), Cat("at least ", least)}});
    }
  }

  // A waiver is tested where it names a segment, by scope and stated purpose.
  bool IsNamed(const InForce& waiver) const {
    return std::any_of(request_.segments.begin(), request_.segments.end(),
                       [&](const Segment& segment) {
                         return Covers(waiver.clause->scope, request_, segment, true);
                       });
  }

  const WaiverTest* TestOf(const InForce& waiver) const {
    const ClauseRef ref = waiver.ref;
    for (const WaiverTest& test : tests_) {
      if (test.waiver == ref) return &test;
    }
    return nullptr;
  }

  // The waiver that lifts this right over this segment, if one does.
  const InForce* LiftedBy(const InForce& right, const Segment& segment) const {
    for (const InForce& waiver : waivers_) {
      const auto& lifts = As<Waiver>(*waiver.clause)->lifts;
      if (waiver.version->agreement != right.version->agreement ||
          std::find(lifts.begin(), lifts.end(), right.clause->id) == lifts.end()) {
        continue;
      }
      const WaiverTest* test = TestOf(waiver);
      if (test != nullptr && test->met && Covers(waiver.clause->scope, request_, segment, true))
        return &waiver;
    }
    return nullptr;
  }

  Route RouteSegment(uint32_t index) const {
    const Segment& segment = request_.segments[index];
    Route route;
    route.segments = {index};
    route.quantity = todo_[index];
    std::vector<ClauseRef> exclusive, first, waived;
    for (const InForce& right : rights_) {
      if (!Covers(right.clause->scope, request_, segment, false,
                  CountedWith(right, segment.purpose))) {
        route.passed.push_back({right.version->holder, right.ref, "OUT_OF_SCOPE", ""});
      } else if (const InForce* waiver = LiftedBy(right, segment); waiver != nullptr) {
        route.passed.push_back(
            {right.version->holder, right.ref, "WAIVED", Cat("by ", Format(waiver->ref))});
        if (std::find(waived.begin(), waived.end(), waiver->ref) == waived.end())
          waived.push_back(waiver->ref);
      } else {
        (As<Exclusivity>(*right.clause) != nullptr ? exclusive : first).push_back(right.ref);
      }
    }
    if (!exclusive.empty()) {
      route.kind = Kind::ROUTE_EXCLUSIVE;
      route.clauses = {exclusive.front()};
      for (const ClauseRef& ref : first)
        route.passed.push_back({{}, ref, "EXCLUSIVITY_GOVERNS", ""});
    } else if (!first.empty()) {
      route.kind = Kind::ROUTE_FIRST_REFUSAL;
      route.clauses = std::move(first);
    } else if (!waived.empty()) {
      route.kind = Kind::ROUTE_WAIVED;
      route.clauses = std::move(waived);
    } else {
      route.kind = Kind::ROUTE_OPEN;
    }
    return route;
  }

  // Every waiver that lifts a right which would else govern the route, for the units in its scope.
  // Over an exclusivity that stands, nothing else matters.
  void Draw(Route& route) const {
    if (route.kind == Kind::ROUTE_EXCLUSIVE) return;
    for (const uint32_t index : route.segments) {
      const Segment& segment = request_.segments[index];
      absl::flat_hash_set<const Clause*> used;
      for (const InForce& right : rights_) {
        const bool governs =
            std::find(route.clauses.begin(), route.clauses.end(), right.ref) != route.clauses.end();
        if (governs || !Covers(right.clause->scope, request_, segment, false,
                               CountedWith(right, segment.purpose)))
          continue;
        const InForce* waiver = LiftedBy(right, segment);
        if (waiver == nullptr || !used.insert(waiver->clause).second) continue;
        const auto same =
            std::find_if(route.drawn.begin(), route.drawn.end(), [&](const WaiverUse& use) {
              return use.agreement == waiver->ref.agreement && use.clause == waiver->ref.clause;
            });
        if (same == route.drawn.end()) {
          route.drawn.push_back({waiver->ref.agreement, waiver->ref.clause, todo_[index]});
        } else {
          same->drawn += todo_[index];
        }
      }
    }
  }

  // The most restrictive route governs all of a request that may not be split; of several first
  // refusals, all.
  absl::Status Merge(std::vector<Route>& routes) const {
    Route merged =
        *std::min_element(routes.begin(), routes.end(), [](const Route& a, const Route& b) {
          return RestrictionOf(a.kind) < RestrictionOf(b.kind);
        });
    merged.segments.clear();
    merged.quantity = 0;
    std::vector<ClauseRef> governing;
    for (const InForce& right : rights_) {
      const bool governs = std::any_of(routes.begin(), routes.end(), [&](const Route& route) {
        return route.kind == merged.kind && std::find(route.clauses.begin(), route.clauses.end(),
                                                      right.ref) != route.clauses.end();
      });
      if (governs) governing.push_back(right.ref);
    }
    if (merged.kind == Kind::ROUTE_EXCLUSIVE && governing.size() > 1) {
      return Invalid("splittable", "false",
                     Cat("true: parts of the request are exclusive to different holders (",
                         Format(governing[0]), ", ", Format(governing[1]), ")"));
    }
    if (!governing.empty()) merged.clauses = std::move(governing);
    for (const Route& route : routes) {
      merged.segments.insert(merged.segments.end(), route.segments.begin(), route.segments.end());
      merged.quantity += route.quantity;
      if (route.kind == merged.kind) {
        for (const ClauseRef& ref : route.clauses) {  // Waivers are not among the rights above.
          if (std::find(merged.clauses.begin(), merged.clauses.end(), ref) ==
              merged.clauses.end()) {
            merged.clauses.push_back(ref);
          }
        }
        continue;
      }
      for (const ClauseRef& ref : route.clauses)
        merged.passed.push_back({{}, ref, "MORE_RESTRICTIVE_GOVERNS", ""});
    }
    std::erase_if(merged.passed, [&](const Passed& passed) {
      return std::find(merged.clauses.begin(), merged.clauses.end(), passed.clause) !=
             merged.clauses.end();
    });
    std::sort(merged.segments.begin(), merged.segments.end());
    routes = {std::move(merged)};
    return absl::OkStatus();
  }

  const Request& request_;
  const std::vector<int64_t>& todo_;
  const Account& account_;
  const Instant now_;
  std::vector<AggregationTest> aggregations_;
  std::vector<InForce> rights_;  // By seniority.
  std::vector<InForce> waivers_;
  std::vector<WaiverTest> tests_;
};

}  // namespace

absl::StatusOr<Routing> RouteRequest(const Request& request, const std::vector<int64_t>& todo,
                                     const Account& account, Instant now) {
  return Router(request, todo, account, now).Run();
}

absl::StatusOr<Routing> RouteRequest(const Request& request, const Account& account, Instant now) {
  std::vector<int64_t> todo;
  for (const Segment& segment : request.segments) todo.push_back(segment.quantity);
  return RouteRequest(request, todo, account, now);
}

Account WithCredit(Account account, const std::vector<WaiverUse>& credit) {
  for (const WaiverUse& back : credit) {
    for (WaiverUse& use : account.waivers) {
      if (use.agreement == back.agreement && use.clause == back.clause) use.drawn -= back.drawn;
    }
  }
  return account;
}

}  // namespace capbroker
