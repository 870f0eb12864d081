// A replay, for people and for machines.
#pragma once

#include <string>

#include "services/simulation/replay.h"

namespace capbroker {

// Request by request, what was recorded beside what the draft makes of it; then all of them
// together, the commitments, and what was assumed.
std::string ShowReplay(const ReplayReport& report);
std::string ReplayAsJson(const ReplayReport& report);

}  // namespace capbroker
