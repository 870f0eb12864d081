// Report of a load: a table for people, JSON for programs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "services/workload/samples.h"

namespace capbroker {

struct LoadReport {
  std::vector<std::string> notes;  // What was left out or changed while reading the input.

  int64_t requests = 0, placed = 0, partly = 0, unplaced = 0, failed = 0;
  int64_t asked_quantity = 0, placed_quantity = 0;
  // Why requests were not placed, or only in part; counted by request.
  std::map<std::string, int64_t> reasons;

  struct Provider {
    std::string name;
    int64_t inventory = -1;                                            // -1: unlimited.
    int64_t allocations = 0, quantity = 0, peak = 0, left_in_use = 0;  // According to the trail.
    bool is_desk = false;  // A desk of this process: the following are its own account.
    int64_t offers = 0, accepted = 0, partial = 0, declined = 0, silent = 0, desk_peak = 0,
            desk_in_use = 0;
  };
  std::vector<Provider> providers;

  double seconds = 0;
  Samples answer, finish;  // From Create to its answer, and to the request's end.
  int64_t released = 0, cancelled = 0, repeats = 0, resumed = 0;
  std::map<std::string, int64_t> errors;  // By side, code and reason.

  bool trail_read = false;
  int64_t acts = 0, decisions = 0, acknowledged = 0, fault_count = 0;
  std::vector<std::string> faults;

  bool Good() const { return errors.empty() && trail_read && fault_count == 0; }
};

std::string RenderTable(const LoadReport& report);
std::string RenderJson(const LoadReport& report);  // One object on one line.

}  // namespace capbroker
