// Plan of a load from the flags of `capbroker load`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/workload/load_run.h"

namespace capbroker {

struct LoadFlags {
  ClientOptions client{};  // Connection, and the token of all parties without `tokens`.
  std::string trace{}, nodes{};
  std::string owner = "openai", holder = "azure";
  std::vector<std::string> alternatives = {"stargate-oracle", "coreweave"};
  bool holder_last = false, keep = false;
  std::string tokens{}, desks = "own", speedup = "max", journal{}, price = "0.0025 USD", qos = "LS";
  std::string region = "us-east";
  int64_t concurrency = 32, limit = 0, requests = 0, quantity = 1000;
  bool retry = false, session = false;
  Span retry_for = Seconds(60), patience = Seconds(60), ahead = Hours(7 * 24), step_window{};
  DeskScript script{};
  uint64_t seed = 1;
};

// INVALID_ARGUMENT names the flag, or the place in a file.
absl::StatusOr<LoadPlan> PlanLoad(const LoadFlags& flags);

}  // namespace capbroker
