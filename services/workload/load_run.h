// Runs a load from its first request to its report: the owner, the providers' desks unless they run
// elsewhere, and the check of the trail at the end.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/workload/desk.h"
#include "services/workload/load_owner.h"
#include "services/workload/load_report.h"
#include "services/workload/load_request.h"
#include "services/workload/load_schedule.h"

namespace capbroker {

struct LoadPlan {
  LoadOwnerOptions owner;
  LoadShape shape;
  std::vector<TraceTask> tasks;
  std::vector<TaskTimes> spans;  // When each task is requested and released.
  LoadSchedule::Rule rule = LoadSchedule::Rule::kStrict;
  double speedup = 1;  // kPaced: seconds of the trace per second.
  size_t concurrency = 1;
  std::vector<DeskOptions> desks;  // Run in this process, each on its own channel.
  std::map<std::string, int64_t>
      inventory;        // By provider, for the check; a provider that is not named has no limit.
  std::string journal;  // A file; empty: none.
  std::vector<std::string> notes;
};

// Runs on the calling thread until every request has ended and everything was released, or until
// SIGINT or SIGTERM ends it early, with a note. Failures of single calls are in the report.
//
// INVALID_ARGUMENT  a token or journal file cannot be used.
// other             the watch or session of the owner or a desk cannot be opened, or the trail's
//                   present end cannot be read.
absl::StatusOr<LoadReport> RunLoad(LoadPlan plan);

}  // namespace capbroker
