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
  bool names_request = false;   // A waiver written for this request.
  const ProviderId* for_one{};  // A waiver for what this provider takes only; null: for all.
};

// Seniority among first refusals: ascending priority, then earlier effect, then id.
auto SeniorityOf(const InForce& c) {
  return std::tuple(MatchingOf(*c.clause).priority, c.version->effective_from, c.version->agreement,
                    c.clause->id);
}

// R20. Whether the segment is in the waiver's scope. A purpose that is not stated is in no list of
// purposes, but in a waiver that has none, or that was written for this request.
bool IsInScope(const InForce& waiver, const Request& request, const Segment& segment) {
  if (segment.purpose.empty() && waiver.names_request) {
    Scope any_purpose = waiver.clause->scope;
    any_purpose.purposes.clear();
    return Covers(any_purpose, request, segment);
  }
  return Covers(waiver.clause->scope, request, segment);
}

// Parts per million of the request's quantity that are in the waiver's scope, rounded down.
int64_t WaivedShare(const InForce& waiver, const Request& request) {
  __int128 waived = 0;
  for (const Segment& segment : request.segments) {
    if (IsInScope(waiver, request, segment)) waived += segment.quantity;
  }
  return static_cast<int64_t>(waived * 1'000'000 / request.terms.quantity);
}

// R20. Whether it covers this segment if its test is met: those in its scope or, of a request that
// is one unit, all.
bool CoversSegment(const InForce& waiver, const Request& request, const Segment& segment) {
  const bool covers_all =
      As<Waiver>(*waiver.clause)->covers == Covered::kRequest && !request.splittable;
  return covers_all || IsInScope(waiver, request, segment);
}

// R20. Whether the waiver may lift anything of this request; units already drawn count against its
// cap.
WaiverTest Test(const InForce& waiver, const Request& request, const std::vector<int64_t>& todo,
                const Account& account, Instant now) {
  WaiverTest test{.waiver = waiver.ref, .met = false, .reason = "MET", .figures = {}};
  const Waiver& clause = *As<Waiver>(*waiver.clause);
  int64_t units = 0;
  for (size_t i = 0; i < request.segments.size(); ++i) {
    if (CoversSegment(waiver, request, request.segments[i])) units += todo[i];
  }
  const int64_t share = WaivedShare(waiver, request);
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
  Router(const Request& request, const SegmentList& units, const Account& account, Instant now,
         const std::vector<ProviderId>& absent)
      : request_(request),
        todo_(request.segments.size()),
        account_(account),
        now_(now),
        absent_(absent) {
    for (const SegmentUnits& part : units) todo_[part.segment] = part.quantity;
    for (const AgreementVersion* version : account.InForce(now)) {
      for (const Clause& clause : version->clauses) {
        const InForce found{version, &clause, RefOf(*version, clause)};
        if (account.HasEnded(found.ref, now)) continue;  // R17, R18.
        if (IsRight(clause)) rights_.push_back(found);
        if (As<Waiver>(clause) != nullptr) waivers_.push_back(found);
      }
      for (const GrantedWaiver& waiver : account.grants) {  // R19, R20: revocation is prospective.
        const Grant& grant = *waiver.grant;
        const bool applies = !grant.request.IsSet() || grant.request == request.id;
        if (grant.agreement == version->agreement && !waiver.revoked.IsSet() && applies)
          waivers_.push_back({version, &grant.waiver, waiver.ref(), grant.request == request.id,
                              grant.provider.empty() ? nullptr : &grant.provider});
      }
    }
    std::sort(rights_.begin(), rights_.end(),
              [](const InForce& a, const InForce& b) { return SeniorityOf(a) < SeniorityOf(b); });
    for (const InForce& waiver : waivers_) {
      if (!IsNamed(waiver)) continue;
      tests_.push_back(Test(waiver, request, todo_, account, now));
      if (waiver.for_one == nullptr || !IsAbsent(*waiver.for_one)) continue;
      tests_.back().met = false;
      tests_.back().reason = "NOT_TAKEN";
    }
  }

  Routing Run() {
    for (const InForce& right : rights_) Aggregate(right);
    std::vector<Route> routes;
    std::vector<ClauseRef> conflict;
    for (uint32_t i = 0; i < request_.segments.size(); ++i) {
      if (todo_[i] == 0) continue;
      Route route = RouteSegment(i);
      const auto same = std::find_if(routes.begin(), routes.end(), [&](const Route& other) {
        return other.kind == route.kind && other.clauses == route.clauses;
      });
      if (same == routes.end()) {
        routes.push_back(std::move(route));
      } else {
        AddTo(same->segments, route.segments);
      }
    }
    if (routes.size() > 1 && !request_.splittable) conflict = Merge(routes);
    for (Route& route : routes) Draw(route);
    return {std::move(aggregations_), std::move(tests_), std::move(routes), std::move(conflict)};
  }

  Lifting LiftingOf(const ClauseRef& right) const {
    Lifting lifting;
    const auto is_meant = [&](const InForce& waiver) {
      const auto& lifts = As<Waiver>(*waiver.clause)->lifts;
      return waiver.names_request && waiver.for_one == nullptr &&
             waiver.ref.agreement == right.agreement &&
             std::find(lifts.begin(), lifts.end(), right.clause) != lifts.end();
    };
    for (const InForce& waiver : waivers_) {
      const WaiverTest* test = is_meant(waiver) ? TestOf(waiver) : nullptr;
      if (test != nullptr) lifting.tests.push_back(*test);
    }
    const auto known = std::find_if(rights_.begin(), rights_.end(), [&](const InForce& r) {
      return r.ref.agreement == right.agreement && r.ref.clause == right.clause;
    });
    if (lifting.tests.empty() || known == rights_.end()) return lifting;
    for (uint32_t i = 0; i < todo_.size(); ++i) {
      if (todo_[i] == 0) continue;
      const InForce* waiver = LiftedBy(*known, request_.segments[i]);
      if (waiver == nullptr || !is_meant(*waiver)) {
        lifting.draws.clear();
        return lifting;
      }
      AddDraw(lifting.draws, *waiver, {i, todo_[i]});
    }
    return lifting;
  }

 private:
  static void AddDraw(std::vector<WaiverDraw>& draws, const InForce& waiver,
                      const SegmentUnits& units) {
    for (WaiverDraw& draw : draws) {
      if (draw.waiver == waiver.ref) return AddTo(draw.segments, {units});
    }
    draws.push_back({waiver.ref, {units}});
  }

  bool IsAbsent(const ProviderId& provider) const {
    return std::find(absent_.begin(), absent_.end(), provider) != absent_.end();
  }

  // R24: whether the other request counts together with this one under this right.
  bool IsAlike(const capbroker::Aggregate& other, const InForce& right,
               const std::string& purpose) const {
    return other.request != request_.id && other.agreement == right.ref.agreement &&
           other.clause == right.ref.clause && other.region == request_.terms.region &&
           other.resource_type == request_.terms.resource_type && other.purpose == purpose &&
           now_ < other.until;
  }

  // R24: the request's quantity, with what counts together with it under this right.
  int64_t CountedWith(const InForce& right, const std::string& purpose) const {
    int64_t counted = request_.terms.quantity;
    if (AskingOf(*right.clause)->aggregation_window == Span{}) return counted;
    for (const capbroker::Aggregate& other : account_.aggregates) {
      if (IsAlike(other, right, purpose)) counted += other.quantity;
    }
    return counted;
  }

  // One entry for each purpose that the right covers but for its minimum, with all of the request
  // that has the purpose: it counts once, with its latest quantity.
  void Aggregate(const InForce& right) {
    const Span window = AskingOf(*right.clause)->aggregation_window;
    if (window == Span{}) return;
    for (size_t i = 0; i < request_.segments.size(); ++i) {
      const Segment& segment = request_.segments[i];
      if (!Covers(right.clause->scope, request_, segment, kMostQuantity)) continue;
      const auto same = std::find_if(
          aggregations_.begin(), aggregations_.end(), [&](const AggregationTest& test) {
            return test.clause == right.ref && test.adds.purpose == segment.purpose;
          });
      if (same != aggregations_.end()) {
        same->adds.quantity += segment.quantity;
        continue;
      }
      const int64_t counted = CountedWith(right, segment.purpose);
      const int64_t least = right.clause->scope.min_quantity;
      AggregationTest test{.clause = right.ref,
                           .adds = {.request = request_.id,
                                    .agreement = right.ref.agreement,
                                    .clause = right.ref.clause,
                                    .region = request_.terms.region,
                                    .resource_type = request_.terms.resource_type,
                                    .purpose = segment.purpose,
                                    .quantity = segment.quantity,
                                    .until = now_ + window},
                           .others = {},
                           .reached = counted >= least,
                           .figure = {"quantity", Cat(counted), Cat("at least ", least)}};
      for (const capbroker::Aggregate& known : account_.aggregates) {
        if (IsAlike(known, right, segment.purpose)) test.others.push_back(known.request);
        if (known.request == request_.id && known.agreement == right.ref.agreement &&
            known.clause == right.ref.clause && known.purpose == segment.purpose)
          test.adds.until = known.until;  // The window runs from when it first came.
      }
      aggregations_.push_back(std::move(test));
    }
  }

  // A waiver is tested where it names a segment, by scope and stated purpose.
  bool IsNamed(const InForce& waiver) const {
    return std::any_of(
        request_.segments.begin(), request_.segments.end(),
        [&](const Segment& segment) { return IsInScope(waiver, request_, segment); });
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
      if (test != nullptr && test->met && CoversSegment(waiver, request_, segment)) return &waiver;
    }
    return nullptr;
  }

  Route RouteSegment(uint32_t index) const {
    const Segment& segment = request_.segments[index];
    Route route;
    route.segments = {{index, todo_[index]}};
    std::vector<ClauseRef> exclusive, given_up, first, waived;
    bool others = false;  // Whether somebody who is to be asked has a first refusal.
    for (const InForce& right : rights_) {
      const bool is_exclusive = As<Exclusivity>(*right.clause) != nullptr;
      if (!Covers(right.clause->scope, request_, segment, CountedWith(right, segment.purpose))) {
        route.passed.push_back({right.version->holder, right.ref, "OUT_OF_SCOPE", ""});
      } else if (const InForce* waiver = LiftedBy(right, segment); waiver != nullptr) {
        route.passed.push_back(
            {right.version->holder, right.ref, "WAIVED", Cat("by ", Format(waiver->ref))});
        if (std::find(waived.begin(), waived.end(), waiver->ref) == waived.end())
          waived.push_back(waiver->ref);
      } else {
        const bool is_absent = IsAbsent(right.version->holder);
        (!is_exclusive ? first : is_absent ? given_up : exclusive).push_back(right.ref);
        others |= !is_exclusive && !is_absent;
      }
    }
    // R15: an exclusivity over units that its holder gave back stands before no other right.
    if (!others && exclusive.empty()) std::swap(exclusive, given_up);
    first.insert(first.begin(), given_up.begin(), given_up.end());
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
    for (const SegmentUnits& units : route.segments) {
      const Segment& segment = request_.segments[units.segment];
      absl::flat_hash_set<const Clause*> used;
      for (const InForce& right : rights_) {
        const bool governs =
            std::find(route.clauses.begin(), route.clauses.end(), right.ref) != route.clauses.end();
        if (governs ||
            !Covers(right.clause->scope, request_, segment, CountedWith(right, segment.purpose)))
          continue;
        const InForce* waiver = LiftedBy(right, segment);
        if (waiver == nullptr || !used.insert(waiver->clause).second) continue;
        AddDraw(route.drawn, *waiver, units);
      }
    }
  }

  // The most restrictive route governs all of a request that may not be split; of several first
  // refusals, all. Exclusivities of different holders that are in each other's way, if any.
  std::vector<ClauseRef> Merge(std::vector<Route>& routes) const {
    for (Route& route : routes) {
      const bool is_given_up =
          route.kind == Kind::ROUTE_EXCLUSIVE &&
          IsAbsent(account_.Find(route.clauses[0].agreement, route.clauses[0].version)->holder);
      if (is_given_up) route.kind = Kind::ROUTE_FIRST_REFUSAL;
    }
    Route merged =
        *std::min_element(routes.begin(), routes.end(), [](const Route& a, const Route& b) {
          return RestrictionOf(a.kind) < RestrictionOf(b.kind);
        });
    merged.segments.clear();
    std::vector<ClauseRef> governing;
    for (const InForce& right : rights_) {
      const bool governs = std::any_of(routes.begin(), routes.end(), [&](const Route& route) {
        return route.kind == merged.kind && std::find(route.clauses.begin(), route.clauses.end(),
                                                      right.ref) != route.clauses.end();
      });
      if (governs) governing.push_back(right.ref);
    }
    std::vector<ClauseRef> conflict;
    if (merged.kind == Kind::ROUTE_EXCLUSIVE && governing.size() > 1) {
      conflict = governing;
      governing.resize(1);
    }
    if (!governing.empty()) merged.clauses = std::move(governing);
    for (const Route& route : routes) {
      AddTo(merged.segments, route.segments);
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
    routes = {std::move(merged)};
    return conflict;
  }

  const Request& request_;
  std::vector<int64_t> todo_;  // By segment.
  const Account& account_;
  const Instant now_;
  const std::vector<ProviderId>& absent_;
  std::vector<AggregationTest> aggregations_;
  std::vector<InForce> rights_;  // By seniority.
  std::vector<InForce> waivers_;
  std::vector<WaiverTest> tests_;
};

}  // namespace

Routing RouteRequest(const Request& request, const SegmentList& units, const Account& account,
                     Instant now, const std::vector<ProviderId>& absent) {
  return Router(request, units, account, now, absent).Run();
}

Lifting LiftingOf(const ClauseRef& right, const Request& request, const SegmentList& units,
                  const Account& account, Instant now) {
  return Router(request, units, account, now, {}).LiftingOf(right);
}

SegmentList AllUnits(const Request& request) {
  SegmentList all;
  for (uint32_t i = 0; i < request.segments.size(); ++i)
    all.push_back({i, request.segments[i].quantity});
  return all;
}

Routing RouteRequest(const Request& request, const Account& account, Instant now) {
  return RouteRequest(request, AllUnits(request), account, now, {});
}

absl::Status CheckRoutable(const Routing& routing) {
  if (routing.conflict.empty()) return absl::OkStatus();
  return Invalid("splittable", "false",
                 Cat("true: parts of the request are exclusive to different holders (",
                     Format(routing.conflict[0]), ", ", Format(routing.conflict[1]), ")"));
}

}  // namespace capbroker
