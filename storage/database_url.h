// Check of the connection string before libpq gets it: libpq's own messages quote what they cannot
// read, which may be a part of the password.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace capbroker {

// INVALID_ARGUMENT naming `option`: `url` is no connection string or URI of PostgreSQL, or its
// password is not percent-encoded, so that libpq would take a part of it for the host, the port or
// the database. The message contains nothing of `url`.
absl::Status CheckDatabaseUrl(std::string_view option, const std::string& url);

}  // namespace capbroker
