// A load from its first request to its report: the owner, the providers' desks unless they run
// elsewhere, and at the end the trail.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/workload/desk.h"
#include "services/workload/load_order.h"
#include "services/workload/load_owner.h"
#include "services/workload/load_report.h"
#include "services/workload/load_request.h"

namespace capbroker {

struct LoadPlan {
  LoadOwnerOptions owner;
  LoadShape shape;
  std::vector<TraceTask> tasks;
  std::vector<LoadSpan> spans;  // When each task is asked for and given back.
  LoadOrder::Rule rule = LoadOrder::Rule::kStrict;
  double speedup = 1;  // kPaced: seconds of the trace in one second.
  size_t concurrency = 1;
  std::vector<DeskOptions> desks;  // In this process; each on a channel of its own.
  std::map<std::string, int64_t>
      inventory;        // By provider, for the check; one that is not named has no bound.
  std::string journal;  // A file; empty: none.
  std::vector<std::string> notes;
};

// Runs on the calling thread until every request has ended and everything was given back, or SIGINT
// or SIGTERM ends it early, with a note. What went wrong in single calls is in the report.
//
// INVALID_ARGUMENT  a token or journal file that cannot be used.
// other             the watch or session of the owner or of a desk cannot be opened, or the trail
// has no beginning to count from.
absl::StatusOr<LoadReport> RunLoad(LoadPlan plan);

}  // namespace capbroker
