#include "storage/session_options.h"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>

#include "broker/values/text.h"
#include "storage/failure.h"

namespace capbroker {

absl::StatusOr<std::string> ConnectionString(const SessionOptions& options) {
  char* error = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> given(
      PQconninfoParse(options.url.c_str(), &error), PQconninfoFree);
  if (given == nullptr) {
    std::string why = OneLine(error == nullptr ? "no memory" : error);
    PQfreemem(error);
    if (const size_t at = why.find(OneLine(options.url)); at != std::string::npos && at > 0)
      why.replace(at, OneLine(options.url).size(), "...");
    return absl::UnavailableError(Cat("database: ", why));
  }
  // Earlier entries are defaults, which later ones override. A vanished peer is noticed in about
  // ten seconds, not in the kernel's two hours.
  std::string out =
      Cat("connect_timeout=", std::max<int64_t>(1, options.connect.micros / 1'000'000),
          " keepalives_idle=5 keepalives_interval=2 keepalives_count=3"
          " tcp_user_timeout=10000 fallback_application_name=capbroker"
          " client_encoding=UTF8");
  for (const PQconninfoOption* option = given.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    out += Cat(" ", option->keyword, "='");
    for (const char* c = option->val; *c != '\0'; ++c) {
      if (*c == '\'' || *c == '\\') out += '\\';
      out += *c;
    }
    out += '\'';
  }
  return out;
}

std::string SetUp(const SessionOptions& options) {
  // Tables are accessed by key through indexes: plans for an empty table must not be kept for a
  // full one. Guards rely on READ COMMITTED: a statement that waited sees the row as it is
  // afterwards. A ledger must not acknowledge a commit before it is on disk.
  return Cat("SET statement_timeout = ", options.statement.micros / 1000,
             "; SET lock_timeout = ", options.lock.micros / 1000,
             "; SET default_transaction_isolation = 'read committed'; SET jit = off;"
             " SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;"
             " SET plan_cache_mode = force_generic_plan; SET max_parallel_workers_per_gather = 0;"
             // The forms of values in text.
             " SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET bytea_output = 'hex';"
             " SELECT set_config('synchronous_commit', 'on', false)"
             " WHERE current_setting('synchronous_commit') IN ('off', 'local')");
}

}  // namespace capbroker
