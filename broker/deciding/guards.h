// What the core checks of its own act before anybody records it: the cheap part of the invariants.
// A breach is the broker's fault, and refuses that command alone.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "broker/trail/book.h"
#include "broker/trail/decision.h"

namespace capbroker {

// `request` and `account` are as the decisions of one act leave them. INTERNAL, in words, if
//   a unit is in no place or in two (R30),
//   an alternative is placed while a right over it is neither dealt with nor ended (R1, R10),
//   a balance of a commitment or a waiver is negative (R20, R21).
absl::Status CheckAct(const RequestBook& request, const Account& account,
                      const std::vector<Decision>& decisions);

}  // namespace capbroker
