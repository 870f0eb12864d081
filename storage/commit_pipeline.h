// Commit pipeline: the session that commits batches. It uses libpq itself; everything else goes
// through libpqxx (connection.h).
//
// libpqxx 6.4 has no pipeline mode, so that the server would wait between two batches, and does not
// wait for a descriptor beside an answer. docs/decisions/0019-libpqxx.md has the figures.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "broker/values/time.h"
#include "storage/binary.h"
#include "storage/failure.h"
#include "storage/session_options.h"

struct pg_conn;
struct pg_result;

namespace capbroker {

// One row of an answer, valid as long as the answer.
class Row {
 public:
  Row(const pg_result* result, int row) : result_(result), row_(row) {}
  std::string_view Bytes(int column) const;
  int64_t Int(int column) const;   // Of integer or bigint.
  Instant Time(int column) const;  // Not of NULL.

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
class CommitPipeline {
 public:
  // Connects and configures the session. UNAVAILABLE gives the reason, on one line.
  static absl::StatusOr<std::unique_ptr<CommitPipeline>> Connect(const SessionOptions& options);
  ~CommitPipeline();

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

  // Called by libpq.
  void Notice(const pg_result* notice);

 private:
  explicit CommitPipeline(pg_conn* connection, Span patience)
      : connection_(connection), patience_(patience) {}
  enum class Wait { kReady, kWoken, kLost };  // kLost: error_ gives the reason.
  // Runs SQL text without parameters.
  Answer Script(const std::string& sql);
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
