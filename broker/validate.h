// What a request must be by itself, before any agreement is looked at.
#pragma once

#include "absl/status/status.h"
#include "broker/provider.h"
#include "broker/request.h"

namespace capbroker {

// INVALID_ARGUMENT naming the field as the API spells it ("terms.end_time"), with got and want.
absl::Status Validate(const Request& request, const Directory& directory, Instant now);
absl::Status Validate(const Provider& provider);

}  // namespace capbroker
