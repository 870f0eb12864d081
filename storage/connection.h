// PostgreSQL session through libpqxx: every wait has an end, nothing is reconnected silently, and
// what libpqxx throws becomes a status in one place.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/values/ids.h"
#include "broker/values/time.h"
#include "storage/binary.h"
#include "storage/deadline.h"
#include "storage/session_options.h"

namespace capbroker {

// Values of a row, which libpqxx receives as text. A value of another form throws
// pqxx::conversion_error; NULL throws too, but for a time.
std::string_view TextOf(const pqxx::field& field);
int64_t IntOf(const pqxx::field& field);
Instant TimeOf(const pqxx::field& field);  // Unset if NULL.
// The bytes of a bytea or uuid: the first ones, or zeros behind them. NULL: all are zero.
template <size_t N>
std::array<uint8_t, N> BytesOf(const pqxx::field& field);
inline RequestId UuidOf(const pqxx::field& field) { return {BytesOf<16>(field)}; }

// Not thread-safe.
class Connection {
 public:
  // Connects and configures the session. UNAVAILABLE gives the reason, on one line.
  static absl::StatusOr<std::unique_ptr<Connection>> Connect(const SessionOptions& options);

  // False once the server has closed the connection. Costs no round trip.
  bool IsAlive() const;

  using Visit = absl::FunctionRef<absl::Status(const pqxx::row&)>;
  // Runs one prepared statement in its own transaction, and then shows each row to `visit`, until
  // that fails. UNAVAILABLE also if a synchronous standby did not confirm what was committed.
  absl::Status Run(const Statement& statement, const binary::Params& params, Visit visit);
  // Runs a query in a transaction that only reads, and keeps few of its rows at a time. The bound
  // of an answer is that of each part.
  absl::Status Stream(const std::string& query, Visit visit);
  // Runs `work` with libpqxx: the bound of an answer is that of all of it.
  absl::Status Do(absl::FunctionRef<absl::Status(pqxx::connection&)> work);

 private:
  // Receives the server's warnings during a statement.
  class Notices : public pqxx::errorhandler {
   public:
    explicit Notices(pqxx::connection& connection);
    bool operator()(const char text[]) noexcept override;
    bool is_unconfirmed = false;
  };
  Connection(const std::string& text, Span answer);
  // Prepares a statement, once.
  void Prepare(const Statement& statement);

  pqxx::connection connection_;
  Notices notices_{connection_};
  std::optional<Deadline> deadline_;
  bool is_lost_ = false;
  absl::flat_hash_set<const Statement*> prepared_;
};

template <size_t N>
std::array<uint8_t, N> BytesOf(const pqxx::field& field) {
  // "\x00ff" and "0000ffff-00ff-...": the other characters only decorate.
  std::array<uint8_t, N> out{};
  size_t digits = 0;
  for (const char c : TextOf(field)) {
    const int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (value < 0 || digits == 2 * N) continue;
    out[digits / 2] = static_cast<uint8_t>(out[digits / 2] << 4 | value);
    ++digits;
  }
  return out;
}

}  // namespace capbroker
