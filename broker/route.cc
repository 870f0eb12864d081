#include "broker/route.h"

#include <algorithm>
#include <tuple>

#include "broker/refusal.h"
#include "broker/text.h"

namespace capbroker {
namespace {

struct InForce {
  const AgreementVersion* version;
  const Clause* clause;
  ClauseRef ref() const { return RefOf(*version, *clause); }
};

// Seniority among first refusals: ascending priority, then earlier effect, then id.
auto SeniorityOf(const InForce& c) {
  return std::tuple(c.clause->priority, c.version->effective_from, c.version->agreement, c.clause->id);
}

bool IsRight(const Clause& clause) {
  return clause.kind == ClauseKind::kExclusivity || clause.kind == ClauseKind::kFirstRefusal;
}

// Parts per million of the request's quantity with a purpose that the waiver names, rounded down.
int64_t WaivedShare(const Request& request, const Scope& scope) {
  __int128 waived = 0;
  for (const Segment& segment : request.segments) {
    if (Covers(scope, request, segment, true)) waived += segment.quantity;
  }
  return static_cast<int64_t>(waived * 1'000'000 / request.terms.quantity);
}

// R20. Whether the waiver may lift anything of this request; units already drawn count against its cap.
WaiverTest Test(const InForce& waiver, const Request& request, const Account& account, Instant now) {
  WaiverTest test{.waiver = waiver.ref(), .met = false, .reason = "MET", .figures = {}};
  const Clause& clause = *waiver.clause;
  int64_t units = 0;
  for (const Segment& segment : request.segments) {
    if (Covers(clause.scope, request, segment, true)) units += segment.quantity;
  }
  const int64_t share = WaivedShare(request, clause.scope);
  const int64_t drawn = account.WaiverDrawn(waiver.version->agreement, clause.id);
  test.figures.push_back({"share_ppm", Cat(share), Cat(clause.min_share_ppm)});
  if (clause.cap_quantity != 0)
    test.figures.push_back({"drawn", Cat(drawn + units), Cat(clause.cap_quantity)});
  if (clause.from.IsSet() && now < clause.from) {
    test.reason = "NOT_YET";
  } else if (clause.to.IsSet() && now >= clause.to) {
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
  Router(const Request& request, const Account& account, Instant now) : request_(request) {
    for (const AgreementVersion* version : account.InForce(now)) {
      for (const Clause& clause : version->clauses) {
        if (IsRight(clause)) rights_.push_back({version, &clause});
        if (clause.kind == ClauseKind::kWaiver) waivers_.push_back({version, &clause});
      }
    }
    std::sort(rights_.begin(), rights_.end(),
              [](const InForce& a, const InForce& b) { return SeniorityOf(a) < SeniorityOf(b); });
    for (const InForce& waiver : waivers_) {
      if (!IsNamed(waiver)) continue;
      tests_.push_back(Test(waiver, request, account, now));
    }
  }

  absl::StatusOr<Routing> Run() {
    std::vector<Route> routes;
    for (uint32_t i = 0; i < request_.segments.size(); ++i) {
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
    return Routing{std::move(tests_), std::move(routes)};
  }

 private:
  // A waiver is tested where it names a segment, by scope and stated purpose.
  bool IsNamed(const InForce& waiver) const {
    return std::any_of(request_.segments.begin(), request_.segments.end(), [&](const Segment& segment) {
      return Covers(waiver.clause->scope, request_, segment, true);
    });
  }

  const WaiverTest* TestOf(const InForce& waiver) const {
    const ClauseRef ref = waiver.ref();
    for (const WaiverTest& test : tests_) {
      if (test.waiver == ref) return &test;
    }
    return nullptr;
  }

  // The waiver that lifts this right over this segment, if one does.
  const InForce* LiftedBy(const InForce& right, const Segment& segment) const {
    for (const InForce& waiver : waivers_) {
      const auto& lifts = waiver.clause->lifts;
      if (waiver.version != right.version ||
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
    route.quantity = segment.quantity;
    std::vector<ClauseRef> exclusive, first, waived;
    for (const InForce& right : rights_) {
      if (!Covers(right.clause->scope, request_, segment, false)) {
        route.passed.push_back({right.version->holder, right.ref(), "OUT_OF_SCOPE", ""});
      } else if (const InForce* waiver = LiftedBy(right, segment); waiver != nullptr) {
        route.passed.push_back(
            {right.version->holder, right.ref(), "WAIVED", Cat("by ", Format(waiver->ref()))});
        if (std::find(waived.begin(), waived.end(), waiver->ref()) == waived.end())
          waived.push_back(waiver->ref());
      } else {
        (right.clause->kind == ClauseKind::kExclusivity ? exclusive : first).push_back(right.ref());
      }
    }
    if (!exclusive.empty()) {
      route.kind = Kind::ROUTE_EXCLUSIVE;
      route.clauses = {exclusive.front()};
      for (const ClauseRef& ref : first) route.passed.push_back({{}, ref, "EXCLUSIVITY_GOVERNS", ""});
    } else if (!first.empty()) {
      route.kind = Kind::ROUTE_FIRST_REFUSAL;
      route.clauses = std::move(first);
    } else if (!waived.empty()) {
      route.kind = Kind::ROUTE_WAIVED;
      route.clauses = std::move(waived);
    }
    return route;
  }

  // The most restrictive route governs all of a request that may not be split; of several first refusals,
  // all.
  absl::Status Merge(std::vector<Route>& routes) const {
    Route merged = *std::min_element(routes.begin(), routes.end(), [](const Route& a, const Route& b) {
      return RestrictionOf(a.kind) < RestrictionOf(b.kind);
    });
    merged.segments.clear();
    merged.quantity = 0;
    std::vector<ClauseRef> governing;
    for (const InForce& right : rights_) {
      const bool governs = std::any_of(routes.begin(), routes.end(), [&](const Route& route) {
        return route.kind == merged.kind &&
               std::find(route.clauses.begin(), route.clauses.end(), right.ref()) != route.clauses.end();
      });
      if (governs) governing.push_back(right.ref());
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
          if (std::find(merged.clauses.begin(), merged.clauses.end(), ref) == merged.clauses.end()) {
            merged.clauses.push_back(ref);
          }
        }
        continue;
      }
      for (const ClauseRef& ref : route.clauses)
        merged.passed.push_back({{}, ref, "MORE_RESTRICTIVE_GOVERNS", ""});
    }
    std::erase_if(merged.passed, [&](const Passed& passed) {
      return std::find(merged.clauses.begin(), merged.clauses.end(), passed.clause) != merged.clauses.end();
    });
    std::sort(merged.segments.begin(), merged.segments.end());
    routes = {std::move(merged)};
    return absl::OkStatus();
  }

  const Request& request_;
  std::vector<InForce> rights_;  // By seniority.
  std::vector<InForce> waivers_;
  std::vector<WaiverTest> tests_;
};

}  // namespace

absl::StatusOr<Routing> RouteRequest(const Request& request, const Account& account, Instant now) {
  return Router(request, account, now).Run();
}

}  // namespace capbroker
