// `capbroker offer` has more verbs than one file holds.
#pragma once

#include "services/cli/app.h"

namespace capbroker {

// Adds counter, bid, confirm, withdraw, toll and void to `family`.
void AddOfferMoves(CLI::App& family, Session& session);

}  // namespace capbroker
