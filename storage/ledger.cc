#include "storage/ledger.h"

#include "broker/trail/book.h"

namespace capbroker {

// States are stored as the numbers of their enums. When an enum changes so that a stored number
// would get another meaning, this does not compile: a mapping and a migration are needed.
static_assert(Names<RequestState>::values ==
              std::array<std::string_view, 11>{
                  "RECEIVED", "HOLDER_ROUND", "FALLBACK", "MATCH_ROUND", "CONFIRMING", "BLOCKED",
                  "FULFILLED", "PARTIALLY_FULFILLED", "UNFILLED", "CANCELLED", "EXPIRED"});
static_assert(RequestState::kFulfilled == static_cast<RequestState>(6));

static_assert(Names<OfferState>::values ==
              std::array<std::string_view, 9>{"OPEN", "ACCEPTED", "PARTIALLY_ACCEPTED", "COUNTERED",
                                              "DECLINED", "LAPSED", "RESCINDED", "SUPERSEDED",
                                              "VOIDED"});
static_assert(Names<AllocationState>::values ==
              std::array<std::string_view, 6>{"", "HELD", "CONFIRMED", "RELEASED", "WITHDRAWN",
                                              "EXPIRED"});

uint32_t PartitionOf(const OwnerId& owner, uint32_t partitions) {
  const Hash hash = Sha256(owner.value);
  uint64_t number = 0;
  for (size_t i = 0; i < 8; ++i) number = number << 8 | hash[i];
  return static_cast<uint32_t>(number % partitions);
}

CommitResult Ledger::Commit(const Batch& batch) {
  Send(batch);
  for (;;) {
    if (std::optional<CommitResult> result = Receive()) return *std::move(result);
  }
}

}  // namespace capbroker
