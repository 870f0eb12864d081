// Page tokens of the lists that are made here and not in the ledger: how far the caller has come.
// Opaque to callers.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace capbroker {

// `list` says which list, in which order; `place` is the last thing shown.
std::string PlaceToken(const std::string& list, const std::string& place);

// The place; empty for an empty token, the list's beginning. INVALID_ARGUMENT naming page_token if
// it is not a token of this list.
absl::StatusOr<std::string> PlaceOf(const std::string& list, const std::string& token);

}  // namespace capbroker
