// What changes from one agreement version to another, as a lawyer would want to read it.
#pragma once

#include <string>
#include <vector>

#include "broker/agreements/agreement.h"

namespace capbroker {

// Short sentences without a full stop, one for each thing that differs: "C2 FIRST_REFUSAL is
// removed", "C2: the window goes from 3d to 2d", "C3 now also covers purpose EVALUATION", "C4
// COMMITMENT is raised by 250 USD to 300 USD", "in force from 2025-10-28T00:00:00Z instead of
// 2025-01-21T00:00:00Z". First the version's own fields, then its clauses in the order of `before`,
// those added, and the calendars likewise. Clauses and calendars are told apart by id, and no two
// of one version share one. Empty only if the versions are equal. Control characters are shown as
// spaces; the sentences are for people, and may change.
std::vector<std::string> DifferenceInWords(const AgreementVersion& before,
                                           const AgreementVersion& after);

}  // namespace capbroker
