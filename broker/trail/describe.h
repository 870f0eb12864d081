// The trail in words, for people: what is shown, never what is recorded.
#pragma once

#include <string>

#include "broker/trail/decision.h"

namespace capbroker {

// One short sentence: "azure is asked first for 8,000 (azure/2/C2), until 2025-02-06T09:00:00Z
// [offer 1]". Every kind has one. Text that a party wrote is quoted; control characters in it are
// shown as spaces.
std::string Describe(const Decision& decision);

}  // namespace capbroker
