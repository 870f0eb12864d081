// Schema migration.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace capbroker {

class Connection;

// A file of migrations/, embedded in the program. It is never edited after its release, and is safe
// while the previous program still runs.
struct Migration {
  uint32_t version;  // From 1, without gaps.
  std::string_view name;
  std::string_view sql;
};
const std::vector<Migration>& Migrations();

// Applies missing migrations in order, in one transaction, under a lock, and creates the partitions
// if there are none (0: 64, or as many as exist). Returns what was done, a line each; empty if
// nothing was to do.
//
// UNAVAILABLE          the database cannot be reached.
// FAILED_PRECONDITION  an applied migration was edited later, the database is newer than this
//                      program, or it has another number of partitions.
absl::StatusOr<std::vector<std::string>> Migrate(const std::string& url, uint32_t partitions);
// The same with other migrations than the program's own, for tests.
absl::StatusOr<std::vector<std::string>> Migrate(const std::string& url, uint32_t partitions,
                                                 const std::vector<Migration>& migrations);

// Returns the number of partitions. FAILED_PRECONDITION if the schema is not exactly this
// program's: "schema: got none, want 1; run capbroker migrate".
absl::StatusOr<uint32_t> CheckSchema(Connection& connection);

}  // namespace capbroker
