// Whether the database keeps what it acknowledged when its machine stops.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace capbroker {

// Settings of the server, of the database or of the role that are off although an acknowledged
// commit rests on them: fsync, full_page_writes, synchronous_commit. Empty: none is. UNAVAILABLE if
// the database cannot be asked.
absl::StatusOr<std::vector<std::string>> UnsafeSettings(const std::string& url);

}  // namespace capbroker
