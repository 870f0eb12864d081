// Options of a PostgreSQL session, the same for both libraries that open one.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "broker/values/time.h"

namespace capbroker {

// A statement, prepared once per session. Has static storage duration.
struct Statement {
  const char* name;
  const char* sql;
};

struct SessionOptions {
  std::string url;            // A libpq connection string or URI.
  Span connect = Seconds(3);  // For each address of it.
  // How long the server may take for a statement, and for a lock that another session holds; and
  // how long we wait for an answer, or its next part, before the connection counts as lost. Zero:
  // no bound.
  Span statement = Seconds(10);
  Span lock = Seconds(10);
  Span answer = Seconds(12);
};

// The connection string with the bounds of connecting, and of a peer that vanished, unless it sets
// them. UNAVAILABLE if it cannot be read; the reason does not repeat it, since it may have a
// password.
absl::StatusOr<std::string> ConnectionString(const SessionOptions& options);
// The statements that configure a session.
std::string SetUp(const SessionOptions& options);

}  // namespace capbroker
