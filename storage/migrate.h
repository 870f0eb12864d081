// Bringing a database to the schema this program works with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/connection.h"

namespace capbroker {

// A file of migrations/, carried in the program. Never edited once released; each is safe while the
// program before it still runs.
struct Migration {
  uint32_t version;  // From 1, without gaps.
  std::string_view name;
  std::string_view sql;
};
const std::vector<Migration>& Migrations();

// Applies what is missing, in order, in one transaction, under a lock that lets one migrate at a
// time; and makes the partitions if there are none (0: 64, or as many as there are). What was
// applied, in words; empty if nothing was to do.
//
// UNAVAILABLE          the database cannot be reached.
// FAILED_PRECONDITION  a migration that was applied has been edited since, the database is newer
// than this program, or
//                      it has another number of partitions.
absl::StatusOr<std::vector<std::string>> Migrate(const std::string& url, uint32_t partitions);
// The same with other migrations than the program's own.
absl::StatusOr<std::vector<std::string>> Migrate(const std::string& url, uint32_t partitions,
                                                 const std::vector<Migration>& migrations);

// The number of partitions. FAILED_PRECONDITION if the schema is not exactly this program's:
// "schema: got none, want 1; run capbroker migrate".
absl::StatusOr<uint32_t> CheckSchema(Connection& connection);

}  // namespace capbroker
