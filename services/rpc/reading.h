// Queries: state read from the ledger by folding trails. Every function blocks. Errors are those of
// the ledger, and DATA_LOSS if a trail cannot be decoded.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/trail/book.h"
#include "services/messages/resource_name.h"
#include "storage/ledger.h"

namespace capbroker {

// Rows that are read and rendered together. A page consists of several such groups, and ends early
// when it gets too large to send.
inline constexpr uint32_t kRowsAtOnce = 50;
// The size of a message at which nothing more is added to it; clients accept 4 MiB by default.
inline constexpr size_t kMessageBytes = 2 * 1024 * 1024;

// NOT_FOUND if there is no such request.
absl::StatusOr<RequestBook> ReadRequest(Ledger& ledger, const RequestName& name);
absl::StatusOr<std::vector<Act>> ReadActsOf(Ledger& ledger, const RequestName& name);

// In the order of `names`; requests without a trail are left out.
using OwnedRequest = std::pair<OwnerId, RequestBook>;
absl::StatusOr<std::vector<OwnedRequest>> ReadRequests(
    Ledger& ledger, const std::vector<std::pair<OwnerId, RequestId>>& names);

// The offers of the rows, in their order, each with its request.
struct OfferOf {
  OwnerId owner;
  std::shared_ptr<const RequestBook> request;
  const Offer* offer;  // Points into `request`.
};
absl::StatusOr<std::vector<OfferOf>> ReadOffers(Ledger& ledger, const std::vector<OfferRow>& rows);

// An owner's agreements in every version, with their grants and triggers, as they were after act
// `until`; without balances.
absl::StatusOr<Account> ReadAgreements(Ledger& ledger, const OwnerId& owner,
                                       uint64_t until = UINT64_MAX);
// The present agreements and balances.
absl::StatusOr<Account> ReadAccount(Ledger& ledger, const OwnerId& owner);

// A part of an owner's trail, or of one request's: at most `limit` acts after `from`, or before it
// with `newest_first`. 0 is the beginning or the end.
struct TrailPart {
  TrailName name;
  uint64_t from = 0;
  bool newest_first = false;
  uint32_t limit = 1000;
};
absl::StatusOr<std::vector<SealedAct>> ReadTrail(Ledger& ledger, const TrailPart& part);
// The same, oldest first. For a request it includes what governs it: the acts about agreements,
// waivers and triggers up to its last act.
absl::StatusOr<std::vector<SealedAct>> ReadEvidence(Ledger& ledger, const TrailPart& part);

}  // namespace capbroker
