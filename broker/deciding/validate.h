// What a request must be by itself, before any agreement is looked at.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "broker/values/provider.h"
#include "broker/values/request.h"

namespace capbroker {

// INVALID_ARGUMENT naming the field as the API spells it ("terms.end_time"), with got and want.
absl::Status Validate(const Request& request, const Directory& directory, Instant now);
absl::Status Validate(const Provider& provider);
// Terms that a provider answers with, a counter's or a bid's, against those it was offered: of the
// same resource, region, unit and currency, and not more of it. Fields stand below `at` ("terms").
absl::Status ValidateAnswer(const Terms& terms, const Terms& offered, const std::string& at);

// A party's own words: at most 1,024 bytes. A reason may not be empty either.
absl::Status CheckText(std::string_view field, std::string_view got);
absl::Status CheckReason(std::string_view text);

}  // namespace capbroker
