// Ledger: the durable store of trails. One interface, implemented by PostgreSQL and in memory, with
// one conformance suite for both.
//
// Writing: a replica takes partitions (Take), reads what is unfinished in them (Recover), and then
// commits batches (Send and Receive), each atomically. Reads never wait for writes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/trail/book.h"
#include "broker/trail/decision.h"
#include "broker/values/ids.h"
#include "broker/values/time.h"

namespace capbroker {

// The partition of an owner's trail: the first 8 bytes of SHA-256(owner), big-endian, modulo
// `partitions`.
uint32_t PartitionOf(const OwnerId& owner, uint32_t partitions);

// A replica's tenure of a partition. Each batch must name its epoch (the fencing token) and the
// last batch.
struct Tenure {
  uint32_t partition = 0;
  uint64_t epoch = 0;
  uint64_t batch = 0;  // The last durable batch of the partition, of any replica.
  // When the partition was last held before this Take, by the database's clock; unset if never.
  Instant heartbeat{};
  // Since when the partition's owners have been without a broker, as far as deadlines were not
  // tolled for it yet (R22): the heartbeat, or that of an earlier Take whose taker went down before
  // a Heartbeat reported that all were. Unset: no deadlines are owed time.
  Instant down_since{};
};

// Idempotency key of a command (R27): 16 bytes of SHA-256(principal, method, request_id).
using IdempotencyKey = std::array<uint8_t, 16>;

// Identifies a repeated command: its key, and the SHA-256 of its payload, by which another command
// under the same key is recognized.
struct Repeat {
  IdempotencyKey key{};
  Hash payload{};
};

// A recorded key and the act that answered it: a repeat is answered with the state just after that
// act.
struct KeyRecord {
  OwnerId owner{};
  IdempotencyKey key{};
  Hash payload{};
  RequestId request{};    // Unset: the act was about the owner's agreements, or the registry.
  uint64_t sequence = 0;  // Of the act.
};

// An act and the text that the hash chain covers.
struct SealedAct {
  OwnerId owner{};
  uint64_t sequence = 0;
  Instant time{};
  RequestId request{};
  uint32_t decisions = 0;  // Number of decisions.
  std::string text{};      // Encode(act).
  Hash hash{};             // Chain(previous hash, text).
  // Of the act's command, if it may be repeated. Only Keys reads it back.
  std::optional<Repeat> repeat{};
};

// Projection rows for queries: states of requests, and offers by provider. Everything else is read
// from the trail.
struct RequestRow {
  OwnerId owner{};
  RequestId request{};
  RequestState state = RequestState::kReceived;
  bool is_live = true;  // Something may still happen to it by itself (RequestBook::IsLive).
  // Of a row that changes: the same until now. Not read back.
  RequestState before = RequestState::kReceived;
  bool was_live = true;
};
struct OfferRow {
  OwnerId owner{};
  RequestId request{};
  uint32_t offer = 0;
  ProviderId provider{};
  OfferState state = OfferState::kOpen;
  AllocationState allocation = AllocationState::kNone;
  int64_t accepted = 0;  // Quantity allocated.
  Instant deadline{};
};
// The state of an owner's book besides requests and agreements, and the head of its hash chain.
struct BookRow {
  OwnerId owner{};
  uint64_t sequence = 0;
  Hash hash{};
  Instant time{};
  std::vector<CommitmentBalance> commitments{};
  std::vector<WaiverUse> waivers{};
  std::vector<CoolDown> cool_downs{};
  std::vector<Aggregate> aggregates{};
};

// One transaction. A row is the last state of what the batch changed; each occurs once. `new_` rows
// are inserted.
struct Batch {
  struct Fence {
    uint32_t partition = 0;
    uint64_t epoch = 0;
    uint64_t last_batch = 0;  // The batch becomes last_batch + 1.
  };
  std::vector<Fence> fences{};  // Every partition of the batch, each once, ascending.
  std::vector<SealedAct> acts{};
  std::vector<RequestRow> new_requests{}, requests{};
  std::vector<OfferRow> new_offers{}, offers{};
  std::vector<BookRow> books{};
};

// The outcome of a batch.
enum class CommitOutcome {
  kDurable,
  kFenced,        // Another replica holds a partition of the batch. Nothing was written.
  kDuplicateKey,  // A key in the batch is already recorded (Keys tells which). Nothing was written.
  kRefused,       // The database refused the content (a constraint, a size). Nothing was written.
  kUnknown,  // The connection was lost, or a standby did not confirm: take the partitions again
             // and compare the batch number.
};
struct CommitResult {
  CommitOutcome outcome = CommitOutcome::kUnknown;
  Instant database_time{};  // The database's clock during a durable batch.
  std::string error{};      // For the log.
};

// An owner as Recover returns it: its book row, the acts about its agreements (or the registry), in
// order, and its unfinished requests, whose trails ReadRequests returns.
struct RecoveredOwner {
  BookRow book{};
  std::vector<Act> acts{};
  std::vector<RequestId> unfinished{};
};

// A page of a list. `next` is the page token of the next one; empty: this is the last.
template <class T>
struct Page {
  std::vector<T> items{};
  std::string next{};
};

struct RequestFilter {
  OwnerId owner{};
  std::vector<RequestState> states{};  // Empty: any.
};
struct OfferFilter {
  ProviderId provider{};
  std::vector<OfferState> states{};  // Empty: any.
};

// A request's trail.
struct RequestTrail {
  OwnerId owner{};
  std::vector<SealedAct> acts{};
};

// Thread-safe; every method blocks. Errors besides those below: UNAVAILABLE if the database cannot
// be reached, DATA_LOSS if it does not contain what was written.
class Ledger {
 public:
  virtual ~Ledger() = default;

  // Opens the ledger and returns the number of partitions, which the first migration fixed.
  // FAILED_PRECONDITION names the schema got and wanted if it is missing, older or newer.
  virtual absl::StatusOr<uint32_t> Open() = 0;

  // Takes the partitions for `holder`, each under its next epoch. Waits for, and fences off,
  // commits of an earlier epoch in flight. FAILED_PRECONDITION if another holder's heartbeat is
  // younger than `lease`; then nothing is taken.
  virtual absl::StatusOr<std::vector<Tenure>> Take(const std::string& holder,
                                                   const std::string& address,
                                                   const std::vector<uint32_t>& partitions,
                                                   Span lease) = 0;
  // Renews the heartbeat of the partitions held. Forgets the outage of those whose `down_since` is
  // unset: all deadlines were tolled, durably. Returns the database's clock; FAILED_PRECONDITION if
  // a partition is not held.
  virtual absl::StatusOr<Instant> Heartbeat(const std::vector<Tenure>& held) = 0;
  // Releases partitions, so that another replica may take them at once.
  virtual absl::Status Release(const std::vector<Tenure>& held) = 0;

  // All owners of the partition, by name.
  virtual absl::StatusOr<std::vector<RecoveredOwner>> Recover(uint32_t partition) = 0;

  // Pipelining: Send starts a batch, and Receive returns the outcome of the oldest batch without
  // one. A batch that builds on an earlier one in flight names one of its fences, with the next
  // batch number: if the earlier one is not written, this one is fenced. Both are called on one
  // thread.
  virtual void Send(const Batch& batch) = 0;
  // Blocks. nullopt: Wake was called, and no outcome has arrived.
  virtual std::optional<CommitResult> Receive() = 0;
  // From any thread: lets a blocked Receive, or the next one that would block, return.
  virtual void Wake() = 0;
  CommitResult Commit(const Batch& batch);  // Send and Receive.

  // Reading. Orders: acts by sequence; requests newest first; offers by request, newest first, then
  // by number, highest first.
  virtual absl::StatusOr<std::vector<KeyRecord>> Keys(const OwnerId& owner,
                                                      const std::vector<IdempotencyKey>& keys) = 0;
  // A request's whole trail, oldest act first; NOT_FOUND if there is none.
  virtual absl::StatusOr<std::vector<SealedAct>> ReadRequest(const OwnerId& owner,
                                                             const RequestId& request) = 0;
  // Several trails, in the order of the arguments; a request without a trail gives an empty one.
  virtual absl::StatusOr<std::vector<RequestTrail>> ReadRequests(
      const std::vector<std::pair<OwnerId, RequestId>>& requests) = 0;
  // An owner's acts after `from`, or before it (newest first), at most `limit`. `account_only`:
  // only those about agreements, or the registry.
  struct ActRange {
    OwnerId owner{};
    uint64_t from = 0;  // Exclusive. 0 with newest_first: from the end.
    bool newest_first = false;
    bool account_only = false;
    uint32_t limit = 1000;
  };
  virtual absl::StatusOr<std::vector<SealedAct>> ReadActs(const ActRange& range) = 0;
  // `size` is limited to 1 to 1000; INVALID_ARGUMENT for a page token that is not of the same list.
  virtual absl::StatusOr<Page<RequestRow>> ListRequests(const RequestFilter& filter, uint32_t size,
                                                        const std::string& token) = 0;
  virtual absl::StatusOr<Page<OfferRow>> ListOffers(const OfferFilter& filter, uint32_t size,
                                                    const std::string& token) = 0;
  // All owners with a trail, including the registry, ascending after `after`.
  virtual absl::StatusOr<std::vector<OwnerId>> Owners(const OwnerId& after, uint32_t limit) = 0;
  virtual absl::StatusOr<std::optional<BookRow>> ReadBook(const OwnerId& owner) = 0;
  // For verification: all projection rows of one owner.
  virtual absl::StatusOr<std::vector<RequestRow>> AllRequests(const OwnerId& owner) = 0;
  virtual absl::StatusOr<std::vector<OfferRow>> AllOffers(const OwnerId& owner) = 0;
};

}  // namespace capbroker
