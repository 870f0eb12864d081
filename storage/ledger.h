// What has been decided, kept: the one interface that Postgres and memory both implement, and one
// suite tests.
//
// Writing: a replica takes partitions (Take), reads what is unfinished in them (Recover), and from
// then on hands in batches (Commit), each durable as a whole or not at all. Reading never waits for
// writing.
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

// Which partition an owner's trail is in: the first 8 bytes of SHA-256(owner), big-endian, modulo
// `partitions`.
uint32_t PartitionOf(const OwnerId& owner, uint32_t partitions);

// A replica's hold on a partition. Each Commit must name the epoch it holds and the batch it saw
// last.
struct Tenure {
  uint32_t partition = 0;
  uint64_t epoch = 0;
  uint64_t batch = 0;   // The last durable batch of the partition, by whomever.
  Instant heartbeat{};  // When the partition was last held before this Take, by the database's
                        // clock; unset if never.
  // Since when the partition's owners have been without a broker, and what that took from them is
  // not given back (R22): the heartbeat, or an earlier Take's if its taker went down before a
  // Heartbeat said that all was. Unset: nothing is owed.
  Instant down_since{};
};

// The key of a command that its caller may repeat (R27). 16 bytes of SHA-256(principal, method,
// request_id).
using IdempotencyKey = std::array<uint8_t, 16>;

// What tells a repeat of a command from another command under the same key: the key, and SHA-256 of
// what it asked for.
struct Repeat {
  IdempotencyKey key{};
  Hash payload{};
};

// A recorded key, and the act that answered it: a repeat is answered by the state just after it.
struct KeyRecord {
  OwnerId owner{};
  IdempotencyKey key{};
  Hash payload{};
  RequestId request{};    // Unset: the act was about the owner's agreements or the directory.
  uint64_t sequence = 0;  // Of the act.
};

// An act and the text that the chain covers.
struct SealedAct {
  OwnerId owner{};
  uint64_t sequence = 0;
  Instant time{};
  RequestId request{};
  uint32_t decisions = 0;          // How many.
  std::string text{};              // Encode(act).
  Hash hash{};                     // Chain(previous hash, text).
  std::optional<Repeat> repeat{};  // Of the command that the act answers, if it may be repeated.
                                   // Read back by Keys alone.
};

// The rows that queries need: where a request stands, and which offers a provider has. All else is
// read from the trail.
struct RequestRow {
  OwnerId owner{};
  RequestId request{};
  RequestState state = RequestState::kReceived;
  RequestState before =
      RequestState::kReceived;  // Of a row that changes: its state until now. Not read back.
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
// What an owner's book holds besides requests and agreements, and the head of its chain.
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

// One transaction. Rows are the last state of what the batch touched, each once. `created` marks
// rows that are new.
struct Batch {
  struct Fence {
    uint32_t partition = 0;
    uint64_t epoch = 0;
    uint64_t last_batch = 0;  // Moved to last_batch + 1.
  };
  std::vector<Fence> fences{};  // Every partition touched, each once, ascending.
  std::vector<SealedAct> acts{};
  std::vector<RequestRow> new_requests{}, requests{};
  std::vector<OfferRow> new_offers{}, offers{};
  std::vector<BookRow> books{};
};

// Why a batch is not durable, or not known to be.
enum class CommitOutcome {
  kDurable,
  kFenced,        // Another replica holds a partition of it. Nothing was written.
  kDuplicateKey,  // A key of it is already recorded (Keys tells which). Nothing was written.
  kRefused,       // The database refused its content (a constraint, a size). Nothing was written.
  kUnknown,       // The connection was lost, or a standby not confirmed: Take again and compare the
                  // batch number.
};
struct CommitResult {
  CommitOutcome outcome = CommitOutcome::kUnknown;
  Instant database_time{};  // Of a durable batch: the database's clock while it ran.
  std::string error{};      // For the log.
};

// What Recover gives of one owner: its book row, the acts about its agreements (or the
// directory's), in order, and which of its requests are not finished, whose trails are for
// ReadRequests.
struct RecoveredOwner {
  BookRow book{};
  std::vector<Act> acts{};
  std::vector<RequestId> unfinished{};
};

// A page of a list: opaque to callers, who give back `next` to go on; empty: no more.
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

// A request as its trail tells it, and the text of that trail.
struct RequestTrail {
  OwnerId owner{};
  std::vector<SealedAct> acts{};
};

// All methods are safe to call from several threads at once; each blocks its caller. Errors besides
// those said below: UNAVAILABLE when the database cannot be reached, DATA_LOSS when what it holds
// is not what was written.
class Ledger {
 public:
  virtual ~Ledger() = default;

  // The number of partitions, fixed at the first migration. FAILED_PRECONDITION names the schema
  // got and wanted when it is missing, older or newer.
  virtual absl::StatusOr<uint32_t> Open() = 0;

  // Takes the partitions for `holder`, each under its next epoch. Waits for, and shuts out, any
  // commit of an earlier epoch still in flight. FAILED_PRECONDITION if another holder's heartbeat
  // is younger than `lease`; nothing is taken.
  virtual absl::StatusOr<std::vector<Tenure>> Take(const std::string& holder,
                                                   const std::string& address,
                                                   const std::vector<uint32_t>& partitions,
                                                   Span lease) = 0;
  // Moves the heartbeat of partitions still held, and forgets the outage of those whose
  // `down_since` is unset: what it took is given back, durably. FAILED_PRECONDITION if one is not
  // held; otherwise the database's clock.
  virtual absl::StatusOr<Instant> Heartbeat(const std::vector<Tenure>& held) = 0;
  // Gives partitions back so that another may take them at once.
  virtual absl::Status Release(const std::vector<Tenure>& held) = 0;

  // Every owner of the partition, by name.
  virtual absl::StatusOr<std::vector<RecoveredOwner>> Recover(uint32_t partition) = 0;

  // Batches may go one behind another: Send hands one in, and Receive gives what became of the
  // oldest of which it has not been said. One that rests on another must name one of its fences,
  // one further: if that is not written, this is fenced. Both are called by one thread.
  virtual void Send(const Batch& batch) = 0;
  // Blocks. Nullopt: Wake was called, and nothing is there yet.
  virtual std::optional<CommitResult> Receive() = 0;
  // From any thread: a Receive that blocks, or the next that would, returns.
  virtual void Wake() = 0;
  CommitResult Commit(const Batch& batch);  // Both.

  // Reading. Orders: acts by sequence; requests newest first; offers by their requests, newest
  // first, then the latest.
  virtual absl::StatusOr<std::vector<KeyRecord>> Keys(const OwnerId& owner,
                                                      const std::vector<IdempotencyKey>& keys) = 0;
  // The whole trail of a request, oldest first; NOT_FOUND if there is none.
  virtual absl::StatusOr<std::vector<SealedAct>> ReadRequest(const OwnerId& owner,
                                                             const RequestId& request) = 0;
  // Several at once, in the order asked; a request without a trail gives an empty one.
  virtual absl::StatusOr<std::vector<RequestTrail>> ReadRequests(
      const std::vector<std::pair<OwnerId, RequestId>>& requests) = 0;
  // Acts of an owner after `sequence`, or before it (newest first), at most `limit`.
  // `account_only`: only those about agreements, or the directory.
  struct ActRange {
    OwnerId owner{};
    uint64_t from = 0;  // Exclusive. 0 and newest_first: from the end.
    bool newest_first = false;
    bool account_only = false;
    uint32_t limit = 1000;
  };
  virtual absl::StatusOr<std::vector<SealedAct>> ReadActs(const ActRange& range) = 0;
  // Lists: `size` is taken into 1 to 1000; a `token` that is not one of the same list is
  // INVALID_ARGUMENT.
  virtual absl::StatusOr<Page<RequestRow>> ListRequests(const RequestFilter& filter, uint32_t size,
                                                        const std::string& token) = 0;
  virtual absl::StatusOr<Page<OfferRow>> ListOffers(const OfferFilter& filter, uint32_t size,
                                                    const std::string& token) = 0;
  // Every owner with a trail, the directory's among them, ascending after `after`.
  virtual absl::StatusOr<std::vector<OwnerId>> Owners(const OwnerId& after, uint32_t limit) = 0;
  virtual absl::StatusOr<std::optional<BookRow>> ReadBook(const OwnerId& owner) = 0;
  // For verification: every projection row of one owner.
  virtual absl::StatusOr<std::vector<RequestRow>> AllRequests(const OwnerId& owner) = 0;
  virtual absl::StatusOr<std::vector<OfferRow>> AllOffers(const OwnerId& owner) = 0;
};

}  // namespace capbroker
