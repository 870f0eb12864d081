// What the core asks of the ledger, and what comes back, as plain values: the core never waits,
// whoever drives it does. Reading what is read includes decoding and folding it, which needs no
// book.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/trail/book.h"
#include "services/sequencing/clock.h"
#include "storage/ledger.h"

namespace capbroker {

// Calls that hold, or rest on, the partitions. One at a time, in order.
struct TakeCall {
  std::string holder, address;
  std::vector<uint32_t> partitions;
  Span lease;
};
struct RecoverCall {
  uint32_t partition = 0;
};
struct HeartbeatCall {
  std::vector<Tenure> held;
};
struct CommitCall {
  std::shared_ptr<const Batch>
      batch;  // Shared: the core may give up on a call that is still under way.
};
struct FindKeysCall {
  std::vector<std::pair<OwnerId, std::vector<IdempotencyKey>>> keys;
};
struct ReleaseCall {
  std::vector<Tenure> held;
};
using WriteCall =
    std::variant<TakeCall, RecoverCall, HeartbeatCall, CommitCall, FindKeysCall, ReleaseCall>;

struct Taken {
  absl::StatusOr<std::vector<Tenure>> tenures;
};
struct Recovered {
  absl::StatusOr<std::vector<RecoveredOwner>> owners;
};
struct Beaten {
  absl::Status status;
};
struct Committed {
  CommitResult result;
  Span took;
};
struct KeysFound {
  absl::StatusOr<std::vector<KeyRecord>> records;
};
struct Released {
  absl::Status status;
};
using WriteResult = std::variant<Taken, Recovered, Beaten, Committed, KeysFound, Released>;

// Calls that only read. They may run beside the others, one for each reader.
inline constexpr size_t kReaders = 2;
struct ReadCall {
  size_t reader = 0;  // Less than kReaders; given back.
  std::vector<std::pair<OwnerId, RequestId>> requests;
  std::vector<std::pair<OwnerId, IdempotencyKey>> keys;
};
struct ReadResult {
  // What a recorded key came to; no record if there is none.
  struct Repeat {
    absl::Status status;  // DATA_LOSS.
    std::optional<KeyRecord> record;
    std::shared_ptr<const Act> act;
    std::shared_ptr<const RequestBook> request;  // As that act left it.
  };
  size_t reader = 0;
  absl::Status
      status;  // If not OK, the lists are empty; else they answer the call's, in its order.
  std::vector<absl::StatusOr<std::unique_ptr<RequestBook>>>
      requests;  // Null if there is no such request; DATA_LOSS.
  std::vector<Repeat> keys;
};

// What the core is told of a batch; the clock is shown the database's time. By the machine's time
// since boot, in microseconds: when it was handed in, when its turn began (it may have waited for
// one before it), and when its result came.
Committed Tell(Clock& clock, CommitResult result, int64_t sent, int64_t begun, int64_t received);

// Blocks for as long as the ledger does. Every answer that carries the database's time is shown to
// the clock.
WriteResult Run(Ledger& ledger, Clock& clock, const WriteCall& call);
ReadResult Run(Ledger& ledger, const ReadCall& call);

}  // namespace capbroker
