// Report of a replay: as text and as JSON.
#pragma once

#include <string>

#include "services/simulation/replay.h"

namespace capbroker {

// Each request as recorded and as under the draft; then totals, commitments and assumptions.
std::string ShowReplay(const ReplayReport& report);
std::string ReplayAsJson(const ReplayReport& report);

}  // namespace capbroker
