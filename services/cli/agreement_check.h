// Two verbs of `capbroker agreement` that read versions and record none.
#pragma once

#include "services/cli/app.h"

namespace capbroker {

// Adds lint and diff to `family`.
void AddAgreementChecks(CLI::App& family, Session& session);

}  // namespace capbroker
