#include "storage/durability.h"

#include <memory>

#include "storage/connection.h"

namespace capbroker {

// reset_val: a session of ours turns synchronous_commit on for itself, and others might not.
constexpr Statement kUnsafe{"unsafe",
                            "SELECT name FROM pg_settings WHERE reset_val = 'off' AND name IN "
                            "('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name"};

absl::StatusOr<std::vector<std::string>> UnsafeSettings(const std::string& url) {
  const absl::StatusOr<std::unique_ptr<Connection>> connection = Connection::Connect({.url = url});
  if (!connection.ok()) return connection.status();
  std::vector<std::string> unsafe;
  absl::Status status = (*connection)->Run(kUnsafe, {}, [&](const pqxx::row& row) {
    unsafe.emplace_back(TextOf(row[0]));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return unsafe;
}

}  // namespace capbroker
