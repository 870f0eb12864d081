// Ledger in memory: the same contract as PostgreSQL's, without durability, and with faults on
// demand. For tests and simulation.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "storage/batch_check.h"
#include "storage/ledger.h"
#include "storage/ticket_lock.h"

namespace capbroker {

class MemoryLedger : public Ledger {
 public:
  // `clock` replaces the database's; it is called under a lock, from any thread.
  MemoryLedger(uint32_t partitions, std::function<Instant()> clock);

  // Sets the outcome of the next Commit without one, with or without effect. A commit that would
  // have failed by itself has no effect and fails in its own way.
  void FailNextCommit(CommitOutcome outcome, bool takes_effect) ABSL_LOCKS_EXCLUDED(mutex_);
  // Takes back what FailNextCommit set and no Commit has answered yet.
  void FailNoCommit() ABSL_LOCKS_EXCLUDED(mutex_);
  // While set, reads, or writes with Take and Recover, return UNAVAILABLE, and Commit returns
  // kUnknown without effect.
  void SetUnavailable(bool writing, bool reading) ABSL_LOCKS_EXCLUDED(mutex_);
  // Lets a test change the content in ways that the interface does not allow.
  void Tamper(const OwnerId& owner, const std::function<void(std::map<uint64_t, SealedAct>&)>& acts)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void TamperRows(const OwnerId& owner, const std::function<void(RequestRow&)>& request,
                  const std::function<void(OfferRow&)>& offer,
                  const std::function<void(BookRow&)>& book) ABSL_LOCKS_EXCLUDED(mutex_);

  absl::StatusOr<uint32_t> Open() override;
  absl::StatusOr<std::vector<Tenure>> Take(const std::string& holder, const std::string& address,
                                           const std::vector<uint32_t>& partitions,
                                           Span lease) override;
  absl::StatusOr<Instant> Heartbeat(const std::vector<Tenure>& held) override;
  absl::Status Release(const std::vector<Tenure>& held) override;
  absl::StatusOr<std::vector<RecoveredOwner>> Recover(uint32_t partition) override;
  void Send(const Batch& batch) override;
  std::optional<CommitResult> Receive() override;
  void Wake() override {}  // Receive does not block.

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

 private:
  struct Partition {
    std::string holder, address;
    uint64_t epoch = 0, batch = 0;
    Instant heartbeat, down_since;
  };
  struct Owner {
    std::map<uint64_t, SealedAct> acts;
    std::map<RequestId, std::vector<uint64_t>>
        trails;  // Sequences by request; those of the account under the unset id.
    std::map<RequestId, RequestRow> requests;
    std::map<std::pair<RequestId, uint32_t>, OfferRow> offers;
    std::optional<BookRow> book;
  };
  struct Fault {
    CommitOutcome outcome;
    bool takes_effect;
  };
  using OfferKey = std::tuple<RequestId, uint32_t, OwnerId>;

  CommitResult CommitBatch(const Batch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What the database's constraints would refuse; kDurable if nothing.
  CommitResult CheckBatch(const Batch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Apply(const Batch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  const Owner* Find(const OwnerId& owner) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Readable() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Writable() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Holds(const Tenure& tenure) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::function<Instant()> clock_;
  TicketLock mutex_;
  InternedNames names_ ABSL_GUARDED_BY(mutex_);
  std::vector<Partition> partitions_ ABSL_GUARDED_BY(mutex_);
  std::map<OwnerId, Owner> owners_ ABSL_GUARDED_BY(mutex_);
  std::map<ProviderId, std::set<OfferKey>> by_provider_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<OwnerId, IdempotencyKey>, KeyRecord> keys_ ABSL_GUARDED_BY(mutex_);
  std::deque<Fault> faults_ ABSL_GUARDED_BY(mutex_);
  std::deque<CommitResult> results_ ABSL_GUARDED_BY(mutex_);  // Not received yet.
  bool writing_fails_ ABSL_GUARDED_BY(mutex_) = false;
  bool reading_fails_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace capbroker
