// Storage calls of the core and their results, as plain values: the core never blocks, and its
// threads run the calls. A read includes decoding and folding, which need no book.
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

// Calls about the partitions, or that depend on holding them. One at a time, in order.
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
      batch;  // Shared, since the core may give up on a call that is still in flight.
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
  size_t reader = 0;  // Less than kReaders; returned with the result.
  std::vector<std::pair<OwnerId, RequestId>> requests;
  std::vector<std::pair<OwnerId, IdempotencyKey>> keys;
};
struct ReadResult {
  // The result of a recorded key; no record if it was never recorded.
  struct Repeat {
    absl::Status status;  // DATA_LOSS if the trail cannot be decoded.
    std::optional<KeyRecord> record;
    std::shared_ptr<const Act> act;
    std::shared_ptr<const RequestBook> request;  // As it was after that act.
  };
  size_t reader = 0;
  absl::Status
      status;  // If it is not OK, the lists are empty; otherwise they have the order of the call's.
  std::vector<absl::StatusOr<std::unique_ptr<RequestBook>>>
      requests;  // Null if there is no such request; DATA_LOSS if its trail cannot be decoded.
  std::vector<Repeat> keys;
};

// Converts a commit's result for the core, and shows the database's time to the clock. In boot
// time, microseconds: when the batch was sent, when the database began with it (it may have waited
// for the batch before), and when its result came.
Committed Tell(Clock& clock, CommitResult result, int64_t sent, int64_t begun, int64_t received);

// Runs the call, which blocks. Shows the database's time to the clock whenever a result contains
// it.
WriteResult Run(Ledger& ledger, Clock& clock, const WriteCall& call);
ReadResult Run(Ledger& ledger, const ReadCall& call);

}  // namespace capbroker
