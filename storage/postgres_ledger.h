// Ledger in PostgreSQL: one session commits, one keeps the tenures, several read.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"
#include "storage/binary.h"
#include "storage/commit_pipeline.h"
#include "storage/interned_names.h"
#include "storage/ledger.h"

namespace pqxx {
class row;
}

namespace capbroker {

class Connection;

struct PostgresOptions {
  std::string url;            // A libpq connection string or URI.
  uint32_t readers = 4;       // Database sessions for reads, opened as needed.
  Span connect = Seconds(3);  // After these times the database counts as unreachable.
  Span read = Seconds(10);
  Span commit = Seconds(30);
};

class PostgresLedger : public Ledger {
 public:
  explicit PostgresLedger(PostgresOptions options);
  ~PostgresLedger() override;

  absl::StatusOr<uint32_t> Open() override;
  absl::StatusOr<std::vector<Tenure>> Take(const std::string& holder, const std::string& address,
                                           const std::vector<uint32_t>& partitions,
                                           Span lease) override;
  absl::StatusOr<Instant> Heartbeat(const std::vector<Tenure>& held) override;
  absl::Status Release(const std::vector<Tenure>& held) override;
  absl::StatusOr<std::vector<RecoveredOwner>> Recover(uint32_t partition) override;
  void Send(const Batch& batch) override;
  std::optional<CommitResult> Receive() override;
  void Wake() override;

  absl::StatusOr<std::vector<KeyRecord>> Keys(const OwnerId& owner,
                                              const std::vector<IdempotencyKey>& keys) override;
  absl::StatusOr<std::vector<SealedAct>> ReadRequest(const OwnerId& owner,
                                                     const RequestId& request) override;
  absl::StatusOr<std::vector<RequestTrail>> ReadRequests(
      const std::vector<std::pair<OwnerId, RequestId>>& requests) override;
  absl::StatusOr<std::vector<SealedAct>> ReadActs(const ActRange& range) override;
  absl::StatusOr<Page<RequestRow>> ListRequests(const RequestFilter& filter, uint32_t size,
                                                const std::string& token) override;
  absl::StatusOr<Page<OfferRow>> ListOffers(const OfferFilter& filter, uint32_t size,
                                            const std::string& token) override;
  absl::StatusOr<std::vector<OwnerId>> Owners(const OwnerId& after, uint32_t limit) override;
  absl::StatusOr<std::optional<BookRow>> ReadBook(const OwnerId& owner) override;
  absl::StatusOr<std::vector<RequestRow>> AllRequests(const OwnerId& owner) override;
  absl::StatusOr<std::vector<OfferRow>> AllOffers(const OwnerId& owner) override;

  // Sessions for reads, for metrics.
  struct Readers {
    uint32_t most = 0, idle = 0, busy = 0;
    uint32_t waiting = 0;  // Reads that wait for a session.
  };
  Readers readers() const ABSL_LOCKS_EXCLUDED(readers_mutex_);

 private:
  using Visit = absl::FunctionRef<absl::Status(const pqxx::row&)>;
  // The session that commits, reconnected if it was lost.
  absl::StatusOr<CommitPipeline*> Writer() ABSL_EXCLUSIVE_LOCKS_REQUIRED(writer_mutex_);
  // Sends the batch; returns its outcome if that is already known.
  std::optional<CommitResult> SendBatch(const Batch& batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(writer_mutex_);
  bool IsInFlight() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(writer_mutex_);
  // Records the answer to the oldest batch in flight.
  void RecordAnswer(const Answer& answer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(writer_mutex_);
  // Waits until no batch is in flight.
  void AwaitAnswers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(writer_mutex_);
  // Assigns a number to every name in the batch, and interns it.
  std::optional<Failure> AssignNumbers(CommitPipeline& writer, const Batch& batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(writer_mutex_);
  // Runs a statement about tenures when no batch is in flight.
  absl::Status Hold(const Statement& statement, const binary::Params& params, Visit visit)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(writer_mutex_);
  // Runs a statement on a free session; retries it on a new one if the session turns out to be
  // dead. Unlike Read it does not need Open: a readiness probe asks before it.
  absl::Status Query(const Statement& statement, const binary::Params& params, Visit visit)
      ABSL_LOCKS_EXCLUDED(readers_mutex_);
  absl::Status Read(const Statement& statement, const binary::Params& params, Visit visit)
      ABSL_LOCKS_EXCLUDED(readers_mutex_);
  template <class T, class Make>
  absl::StatusOr<std::vector<T>> ReadAll(const Statement& statement, const binary::Params& params,
                                         Make make) ABSL_LOCKS_EXCLUDED(readers_mutex_);
  absl::StatusOr<uint32_t> Partitions() const;  // FAILED_PRECONDITION before Open.
  SessionOptions For(Span statement) const;

  const PostgresOptions options_;
  std::atomic<uint32_t> partitions_ = 0;

  absl::Mutex writer_mutex_;
  std::unique_ptr<CommitPipeline> writer_ ABSL_GUARDED_BY(writer_mutex_);
  std::unique_ptr<Connection> holder_ ABSL_GUARDED_BY(writer_mutex_);
  std::unique_ptr<InternedNames> names_ ABSL_GUARDED_BY(writer_mutex_);  // Null before Open.
  binary::Params batch_params_ ABSL_GUARDED_BY(writer_mutex_);
  // Outcomes of batches sent and not received, oldest first; nullopt: in flight on the present
  // writer.
  std::deque<std::optional<CommitResult>> sent_ ABSL_GUARDED_BY(writer_mutex_);
  const int wake_;  // An eventfd.

  mutable absl::Mutex readers_mutex_;
  std::vector<std::unique_ptr<Connection>> idle_ ABSL_GUARDED_BY(readers_mutex_);
  uint32_t busy_ ABSL_GUARDED_BY(readers_mutex_) = 0, waiting_ ABSL_GUARDED_BY(readers_mutex_) = 0;
};

}  // namespace capbroker
