// Flags of a simulated desk, common to provider-sim and load.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "services/workload/desk_script.h"

namespace CLI {
class App;
}

namespace capbroker {

struct DeskFlags {
  std::string script;
  std::string always;
  uint64_t seed = 1;
};

void AddDeskFlags(CLI::App& verb, DeskFlags& flags);

// Without flags: always accept. INVALID_ARGUMENT names the place.
absl::StatusOr<DeskScript> ScriptOf(const DeskFlags& flags);

}  // namespace capbroker
