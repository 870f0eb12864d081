// How a command is refused: a status with a machine-readable reason, and facts that help the caller
// go on.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace capbroker {

using Facts = std::vector<std::pair<std::string, std::string>>;

// A status that carries `reason` (UPPER_SNAKE_CASE, part of the API) and `facts` ("deadline",
// "server_time").
absl::Status Refuse(absl::StatusCode code, std::string_view reason, std::string_view message,
                    Facts facts = {});

// INVALID_ARGUMENT for one field of the caller's input: "segments[1].quantity: got -3, want 1 to
// ...".
absl::Status Invalid(std::string_view field, std::string_view got, std::string_view want);

// What Refuse and Invalid put in; empty where the status has none.
std::string ReasonOf(const absl::Status& status);
Facts FactsOf(const absl::Status& status);
std::string FieldOf(const absl::Status& status);  // Of an Invalid.

}  // namespace capbroker
