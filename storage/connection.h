// One PostgreSQL session: bounded waits, binary values, no silent reconnection.
//
// It uses libpq directly: libpqxx throws, reconnects silently, waits without bound on a server that
// hangs, cuts text at a NUL, and differs between the releases of distributions.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/values/ids.h"
#include "broker/values/time.h"
#include "storage/binary.h"

struct pg_conn;
struct pg_result;

namespace capbroker {

// SQLSTATEs of this program, raised by the functions in migrations/.
inline constexpr std::string_view kFencedState = "CB001";
inline constexpr std::string_view kHeldState = "CB002";
inline constexpr std::string_view kNoPartitionState = "CB003";

// Why a statement failed.
struct Failure {
  bool lost = false;       // The connection is lost; the statement's effect is unknown.
  std::string sqlstate;    // Of an error that the server reported; the statement had no effect.
  std::string constraint;  // If the server names one.
  std::string message;     // One line.
};

// Maps a failure to the status of the ledger's callers: the only such mapping.
//
// UNAVAILABLE          the database cannot be reached, shuts down, is overloaded or read-only, or
//                      did not answer in time.
// FAILED_PRECONDITION  fenced, or another holder is alive.
// DATA_LOSS            the database found its own files corrupted.
// INTERNAL             anything else: the program and the schema disagree.
absl::Status ToStatus(const Failure& failure);

// A text of libpq's on one line.
std::string OneLine(std::string_view text);

// A statement, prepared once per session. Has static storage duration.
struct Statement {
  const char* name;
  const char* sql;
};

// One row of an answer, valid as long as the answer.
class Row {
 public:
  Row(const pg_result* result, int row) : result_(result), row_(row) {}
  bool IsNull(int column) const;
  std::string_view Bytes(int column) const;
  std::string Text(int column) const { return std::string(Bytes(column)); }
  int64_t Int(int column) const;     // Of smallint, integer or bigint.
  Instant Time(int column) const;    // Unset if NULL.
  RequestId Uuid(int column) const;  // Unset if NULL.
  template <size_t N>
  std::array<uint8_t, N> Array(int column) const {
    std::array<uint8_t, N> out{};
    const std::string_view bytes = Bytes(column);
    std::memcpy(out.data(), bytes.data(), std::min(N, bytes.size()));
    return out;
  }

 private:
  const pg_result* result_;
  int row_;
};

struct FreeResult {
  void operator()(pg_result* result) const;
};
using Result = std::unique_ptr<pg_result, FreeResult>;

// Either rows or a failure.
struct Answer {
  Result result;
  std::optional<Failure> failure;
  // The server committed the statement, but a synchronous standby did not confirm it.
  bool unconfirmed = false;
  bool ok() const { return !failure; }
  int size() const;
  Row operator[](int row) const { return Row(result.get(), row); }
};

// Not thread-safe.
class Connection {
 public:
  struct Options {
    std::string url;            // A libpq connection string or URI.
    Span connect = Seconds(3);  // For each address of it.
    // How long the server may take for a statement, and for a lock that another session holds; and
    // how long we wait for an answer, or its next row, before the connection counts as lost. Zero:
    // no bound.
    Span statement = Seconds(10);
    Span lock = Seconds(10);
    Span answer = Seconds(12);
  };
  // Connects and configures the session. UNAVAILABLE gives the reason, on one line.
  static absl::StatusOr<std::unique_ptr<Connection>> Connect(const Options& options);
  ~Connection();

  // False once the server has closed the connection. Costs no round trip.
  bool IsAlive();
  // Runs one prepared statement in its own transaction. All statements sent before must have been
  // answered.
  Answer Run(const Statement& statement, const binary::Params& params);
  // Pipelining: Run in two steps, so that the server has the next statement when it finishes one.
  // Statements run in the order sent, each in its own transaction, whatever the earlier ones came
  // to. Send returns the failure of a statement that could not be sent.
  std::optional<Failure> Send(const Statement& statement, const binary::Params& params);
  // The answer to the oldest statement without one; nullopt if the descriptor `wake` became
  // readable first (-1: none).
  std::optional<Answer> Receive(int wake = -1);
  // Like Run, but passes each row to `visit` and keeps none. An error from `visit` ends the stream
  // and the connection.
  absl::Status Stream(const Statement& statement, const binary::Params& params,
                      const std::function<absl::Status(const Row&)>& visit);
  // Runs SQL text without parameters, for setup and migrations.
  Answer Script(const std::string& sql);

  // Called by libpq.
  void Notice(const pg_result* notice);

 private:
  explicit Connection(pg_conn* connection, Span patience)
      : connection_(connection), patience_(patience) {}
  enum class Wait { kReady, kWoken, kLost };  // kLost: error_ gives the reason.
  std::optional<Failure> Prepare(const Statement& statement);
  bool SetPipeline(bool on);
  Wait WaitFor(short events, int64_t until_millis, int wake);
  // Waits for the next result, while sending what is not sent yet.
  Wait Await(int wake);
  Failure Lost();

  pg_conn* const connection_;
  const Span patience_;
  std::string error_;
  Answer answer_;  // The answer being received, as far as it has arrived.
  bool broken_ = false;
  absl::flat_hash_set<const Statement*> prepared_;
  std::vector<const char*> values_;
  std::vector<int> lengths_, formats_;
};

}  // namespace capbroker
