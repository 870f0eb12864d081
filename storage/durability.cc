#include "storage/durability.h"

#include <memory>

#include "storage/connection.h"

namespace capbroker {

absl::StatusOr<std::vector<std::string>> UnsafeSettings(const std::string& url) {
  const absl::StatusOr<std::unique_ptr<Connection>> connection = Connection::Connect({.url = url});
  if (!connection.ok()) return connection.status();
  // reset_val: a session of ours turns synchronous_commit on for itself, and others might not.
  const Answer answer =
      (*connection)
          ->Script(
              "SELECT name FROM pg_settings WHERE reset_val = 'off' AND name IN "
              "('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name");
  if (!answer.ok()) return ToStatus(*answer.failure);
  std::vector<std::string> unsafe;
  for (int i = 0; i < answer.size(); ++i) unsafe.push_back(answer[i].Text(0));
  return unsafe;
}

}  // namespace capbroker
