// RULES section 2: which rights stand over each part of a request. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/agreements/agreement.h"
#include "broker/trail/book.h"
#include "broker/trail/decision.h"
#include "broker/values/request.h"

namespace capbroker {

// One lineage to be: the segments that go one way, and the clauses that say so.
struct Route {
  Kind kind = Kind::ROUTE_OPEN;      // One of ROUTE_*.
  SegmentList segments{};            // How many units of which.
  std::vector<ClauseRef> clauses{};  // EXCLUSIVE: the one. FIRST_REFUSAL: in the order holders are
                                     // asked. WAIVED: the waivers used.
  std::vector<WaiverDraw> drawn{};   // Waivers that lift a right here, with the units they are used
                                     // for (R20).
  std::vector<Passed> passed{};      // Clauses in force that do not govern, and why.
};

// R20 and "primarily": one waiver held against the request, where some segment is in its scope.
struct WaiverTest {
  ClauseRef waiver{};
  bool met = false;
  std::string reason{};  // MET, SHARE_TOO_SMALL, CAP_EXHAUSTED, NOT_YET, OVER, NOT_TAKEN.
  std::vector<Figure> figures{};
};

// R24: what a clause with an aggregation window counts together, of one purpose.
struct AggregationTest {
  ClauseRef clause{};
  Aggregate adds{};
  std::vector<RequestId> others{};  // Which count together with it.
  bool reached = false;             // The clause's minimum quantity.
  Figure figure{};
};

struct Routing {
  std::vector<AggregationTest> aggregations{};
  std::vector<WaiverTest> tests{};
  std::vector<Route> routes{};  // In the order of their first segments.
  // Exclusivities of different holders over one request that may not be split; else empty.
  std::vector<ClauseRef> conflict{};
};

// R20. What the waivers that were written for this request alone say of one right over some units.
struct Lifting {
  std::vector<WaiverTest> tests{};
  std::vector<WaiverDraw> draws{};  // Empty: it stands over some of them.
};

// Precedence: unwaived EXCLUSIVITY, unwaived FIRST_REFUSAL, open. `units` is how much of each
// segment is to be routed; segments with nothing count all the same in what a clause says of the
// whole request. Segments that differ go apart if the request is splittable, else the most
// restrictive route governs all; of two exclusive holders over one request that may not be split,
// the senior's (CheckRoutable refuses it at the door). `absent`: who gave the units back (R15), or
// did not take what was waived for it alone (R20): its exclusivity stands before no other right,
// and no waiver for it lifts anything.
Routing RouteRequest(const Request& request, const SegmentList& units, const Account& account,
                     Instant now, const std::vector<ProviderId>& absent);
// The whole request.
Routing RouteRequest(const Request& request, const Account& account, Instant now);
// Whether the right, over which the units were routed, is lifted by now.
Lifting LiftingOf(const ClauseRef& right, const Request& request, const SegmentList& units,
                  const Account& account, Instant now);
SegmentList AllUnits(const Request& request);

// INVALID_ARGUMENT (splittable) where parts of a request that may not be split are exclusive to
// different holders.
absl::Status CheckRoutable(const Routing& routing);

}  // namespace capbroker
