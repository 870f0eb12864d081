// What the ledger holds, as values. All of it blocks; errors are the ledger's, and DATA_LOSS where
// a trail does not read.
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

// Rows that are read and rendered in one go: a page is made of several, and ends early when it gets
// too big to send.
inline constexpr uint32_t kRowsAtOnce = 50;
// What a message may grow to, before its last rows; clients take 4 MiB where they are not told
// otherwise.
inline constexpr size_t kMessageBytes = 2 * 1024 * 1024;

// NOT_FOUND if there is no such request.
absl::StatusOr<RequestBook> ReadRequest(Ledger& ledger, const RequestName& name);
absl::StatusOr<std::vector<Act>> ReadActsOf(Ledger& ledger, const RequestName& name);

// In the order asked; those without a trail are left out.
using OwnedRequest = std::pair<OwnerId, RequestBook>;
absl::StatusOr<std::vector<OwnedRequest>> ReadRequests(
    Ledger& ledger, const std::vector<std::pair<OwnerId, RequestId>>& names);

// The offers that rows stand for, in their order, each with the request it belongs to.
struct OfferOf {
  OwnerId owner;
  std::shared_ptr<const RequestBook> request;
  const Offer* offer;  // In `request`.
};
absl::StatusOr<std::vector<OfferOf>> ReadOffers(Ledger& ledger, const std::vector<OfferRow>& rows);

// An owner's agreements, in every version, with the waivers and triggers beside them, as they were
// after act `until`. Balances are not among it.
absl::StatusOr<Account> ReadAgreements(Ledger& ledger, const OwnerId& owner,
                                       uint64_t until = UINT64_MAX);
// The same as it is now, and the balances.
absl::StatusOr<Account> ReadAccount(Ledger& ledger, const OwnerId& owner);

// A part of an owner's trail, or of one request's: at most `limit` acts after `from`, or before it;
// 0: from its beginning or end.
struct TrailPart {
  TrailName name;
  uint64_t from = 0;
  bool newest_first = false;
  uint32_t limit = 1000;
};
absl::StatusOr<std::vector<SealedAct>> ReadTrail(Ledger& ledger, const TrailPart& part);
// The same, oldest first, and of a request also what governs it: the acts about agreements, waivers
// and triggers until its last.
absl::StatusOr<std::vector<SealedAct>> ReadEvidence(Ledger& ledger, const TrailPart& part);

}  // namespace capbroker
