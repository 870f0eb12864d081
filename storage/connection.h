// One session with PostgreSQL: bounded waits, binary values, and never a reconnection that nobody
// asked for.
//
// libpq itself rather than a C++ layer over it: libpqxx throws, reconnects silently, waits without
// bound on a server that hangs, cuts text at a NUL, and differs between the releases that
// distributions carry.
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

// SQLSTATEs of our own, raised by the functions in migrations/.
inline constexpr std::string_view kFencedState = "CB001";
inline constexpr std::string_view kHeldState = "CB002";
inline constexpr std::string_view kNoPartitionState = "CB003";

// Why a statement did not do what it should.
struct Failure {
  bool lost = false;       // The connection is gone, and what the statement did is not known.
  std::string sqlstate;    // Of an answer that is an error; nothing of the statement was kept.
  std::string constraint;  // Where the server names one.
  std::string message;     // One line.
};

// The one mapping of what the database says to what our callers are told.
//
// UNAVAILABLE          cannot be reached, stops, is overloaded, is read-only, or did not answer in
// time. FAILED_PRECONDITION  fenced, or another holder is alive. DATA_LOSS            the database
// found its own files corrupted. INTERNAL             anything else: the program and the schema
// disagree.
absl::Status ToStatus(const Failure& failure);

// Text of libpq's, on one line.
std::string OneLine(std::string_view text);

// A statement that is prepared once a session. Of static storage.
struct Statement {
  const char* name;
  const char* sql;
};

// One row of an answer; valid while the answer is.
class Row {
 public:
  Row(const pg_result* result, int row) : result_(result), row_(row) {}
  bool IsNull(int column) const;
  std::string_view Bytes(int column) const;
  std::string Text(int column) const { return std::string(Bytes(column)); }
  int64_t Int(int column) const;     // smallint, integer and bigint alike.
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
  // The server committed here, but a standby that should confirm it has not.
  bool unconfirmed = false;
  bool ok() const { return !failure; }
  int size() const;
  Row operator[](int row) const { return Row(result.get(), row); }
};

// Not safe to call from several threads at once.
class Connection {
 public:
  struct Options {
    std::string url;            // A libpq connection string or URI.
    Span connect = Seconds(3);  // For each address of it.
    // What the server may take for a statement, and for a lock that another session holds, before
    // it gives up; and how long we wait for an answer, or its next row, before we take the
    // connection for lost. Zero: no bound.
    Span statement = Seconds(10);
    Span lock = Seconds(10);
    Span answer = Seconds(12);
  };
  // Connects and sets the session up. UNAVAILABLE says why not, on one line.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const Options& options);
  ~Connection();

  // Whether it looks alive: false once the server has closed it. Costs no round trip.
  bool IsAlive();
  // Runs one prepared statement in a transaction of its own. Nothing sent may be unanswered.
  Answer Run(const Statement& statement, const binary::Params& params);
  // The same in two steps, so that the server finds the next statement already there when it has
  // done one. Statements are done in the order sent, each in a transaction of its own, whatever
  // became of those before. Send gives the failure of one that was not sent.
  std::optional<Failure> Send(const Statement& statement, const binary::Params& params);
  // The answer to the oldest that has none yet; nullopt if `wake`, a descriptor, became readable
  // first (-1: none).
  std::optional<Answer> Receive(int wake = -1);
  // Like Run, but hands over row after row without keeping them. A status from `visit` ends it, and
  // the connection.
  absl::Status Stream(const Statement& statement, const binary::Params& params,
                      const std::function<absl::Status(const Row&)>& visit);
  // Runs statements without parameters, as text: for setup and migrations.
  Answer Script(const std::string& sql);

  // Called by libpq.
  void Notice(const pg_result* notice);

 private:
  explicit Connection(pg_conn* connection, Span patience)
      : connection_(connection), patience_(patience) {}
  enum class Wait { kReady, kWoken, kLost };  // kLost: error_ says why.
  std::optional<Failure> Prepare(const Statement& statement);
  bool SetPipeline(bool on);
  Wait WaitFor(short events, int64_t until_millis, int wake);
  // The next result is there. What is not sent yet is being sent meanwhile.
  Wait Await(int wake);
  Failure Lost();

  pg_conn* const connection_;
  const Span patience_;
  std::string error_;
  Answer answer_;  // What there is yet of the one being received.
  bool broken_ = false;
  absl::flat_hash_set<const Statement*> prepared_;
  std::vector<const char*> values_;
  std::vector<int> lengths_, formats_;
};

}  // namespace capbroker
