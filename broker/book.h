// Everything live of one owner, as plain values: the fold of its trail.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "broker/agreement.h"
#include "broker/decision.h"
#include "broker/ids.h"
#include "broker/provider.h"
#include "broker/request.h"

namespace capbroker {

enum class OfferState {
  kOpen,
  kAccepted,
  kPartiallyAccepted,
  kCountered,
  kDeclined,
  kLapsed,
  kRescinded,
  kSuperseded,
  kVoided
};
template <>
struct Names<OfferState> {
  static constexpr std::array<std::string_view, 9> values = {"OPEN",      "ACCEPTED",   "PARTIALLY_ACCEPTED",
                                                             "COUNTERED", "DECLINED",   "LAPSED",
                                                             "RESCINDED", "SUPERSEDED", "VOIDED"};
};

enum class AllocationState { kNone, kHeld, kConfirmed, kReleased, kWithdrawn, kExpired };
template <>
struct Names<AllocationState> {
  static constexpr std::array<std::string_view, 6> values = {"",         "HELD",      "CONFIRMED",
                                                             "RELEASED", "WITHDRAWN", "EXPIRED"};
};

// An allocation counts until it is given back.
inline bool IsStanding(AllocationState s) {
  return s == AllocationState::kHeld || s == AllocationState::kConfirmed;
}

// One question to one provider, its ending, and the allocation that came of it.
struct Offer {
  uint32_t number = 0;  // From 1, in the order they were opened.
  uint32_t lineage = 0;
  OfferKind kind = OfferKind::kNone;
  OfferState state = OfferState::kOpen;
  AllocationState allocation = AllocationState::kNone;
  DeclineReason decline = DeclineReason::kNone;
  bool rejection_recorded = false;  // A refused answer is recorded once an offer (R26).
  ProviderId provider{};
  ClauseRef clause{};  // The right it serves; unset for an alternative.
  int64_t quantity = 0;
  int64_t min_quantity = 0;  // 0: all or nothing.
  int64_t quantity_step = 0;
  int64_t accepted = 0;  // And so the allocation's quantity.
  Money unit_price{};
  Money committed{};  // Of the holder's commitment, reserved or drawn by this allocation.
  ClauseRef commitment{};
  Hash terms_hash{};
  Instant opened{}, deadline{}, answered{};
  Instant confirmed{}, ended{};  // Of the allocation.
  std::string text{};            // Of a decline, in the provider's words.
};

// The part of a request that goes one route. Its lot in play is what remains; accepted parts have left it.
struct Lineage {
  enum class Stage { kRights, kFallback, kBlocked, kSettled };
  uint32_t number = 0;  // From 1.
  Kind route = Kind::ROUTE_OPEN;
  Stage stage = Stage::kRights;
  std::vector<uint32_t> segments{};
  std::vector<ClauseRef> clauses{};  // Rights in the order they are asked; of ROUTE_WAIVED: the waivers.
  uint32_t rights = 0;               // How many of `clauses` are rights to be asked under, and
  uint32_t rights_done = 0;          //   how many of those are waived, or passed over.
  int64_t quantity = 0;
  int64_t remaining = 0;
  std::vector<Passed> skipped{};  // Providers not asked, and why.
};

enum class RequestState {
  kReceived,
  kHolderRound,
  kFallback,
  kMatchRound,
  kConfirming,
  kBlocked,
  kFulfilled,
  kPartiallyFulfilled,
  kUnfilled,
  kCancelled,
  kExpired
};
template <>
struct Names<RequestState> {
  static constexpr std::array<std::string_view, 11> values = {
      "RECEIVED",  "HOLDER_ROUND",        "FALLBACK", "MATCH_ROUND", "CONFIRMING", "BLOCKED",
      "FULFILLED", "PARTIALLY_FULFILLED", "UNFILLED", "CANCELLED",   "EXPIRED"};
};
inline bool IsFinished(RequestState s) { return s >= RequestState::kFulfilled; }

// One request with its lineages, offers and allocations. A copy is independent.
struct RequestBook {
  std::shared_ptr<const Request> request{};
  RequestState state = RequestState::kReceived;
  uint64_t sequence = 0;  // Of the last act about it: its version for watchers and caches.
  Instant created{}, updated{};
  std::vector<Lineage> lineages{};
  std::vector<Offer> offers{};
  std::vector<Passed> reasons{};  // Of UNFILLED and PARTIALLY_FULFILLED: every provider's.

  const Offer* Find(uint32_t number) const {
    return number >= 1 && number <= offers.size() ? &offers[number - 1] : nullptr;
  }
  int64_t Standing() const;  // Held or confirmed, in all.
  // The last instant at which nothing has to happen by itself; kLastInstant if the request is finished.
  Instant NextDeadline() const;
};

// The terms of an offer: the request's, with the offer's quantity and price.
Terms TermsOf(const Request& request, const Offer& offer);

// A commitment clause's balance, over all its versions. committed = drawn + reserved + left.
struct Commitment {
  AgreementId agreement{};
  ClauseId clause{};
  Money committed{}, reserved{}, drawn{};
  Money Left() const { return {committed.micros - reserved.micros - drawn.micros, committed.currency}; }
};

// A waiver clause's use, over all its versions, in units.
struct WaiverUse {
  AgreementId agreement{};
  ClauseId clause{};
  int64_t drawn = 0;
};

// What an owner has besides requests.
struct Account {
  // By agreement, then version; every version that was ever activated.
  std::vector<std::shared_ptr<const AgreementVersion>> agreements{};
  std::vector<std::pair<AgreementId, uint32_t>> ended{};  // Versions whose end is recorded (CLAUSE_ENDED).
  std::vector<Commitment> commitments{};
  std::vector<WaiverUse> waivers{};
  std::vector<CoolDown> cool_downs{};  // At most one for each provider, resource and region.

  const AgreementVersion* Find(const AgreementId& id, uint32_t version) const;
  const AgreementVersion* Latest(const AgreementId& id) const;
  const Clause* Find(const ClauseRef& ref) const;
  std::vector<const AgreementVersion*> InForce(Instant t) const;
  int64_t WaiverDrawn(const AgreementId& agreement, const ClauseId& clause) const;
  bool IsCoolingDown(const ProviderId& provider, const Terms& terms, Instant t) const;
  // The next end of a version (EndOf) that no decision has recorded yet; kLastInstant if none.
  Instant NextDeadline() const;
};

// The book is the fold of the owner's acts. Finished requests may be left out of `requests`; a command about
// one is decided after it has been put back.
struct Book {
  OwnerId owner{};
  uint64_t sequence = 0;  // Of the last act.
  Hash hash{};            // The chain's head.
  Instant time{};         // Of the last act.
  Account account{};
  Directory directory{};  // Of kDirectory's book only.
  absl::flat_hash_map<RequestId, std::unique_ptr<RequestBook>> requests{};
  // Every unfinished request by its NextDeadline, and the account under an unset id.
  absl::btree_set<std::pair<Instant, RequestId>> deadlines{};

  const RequestBook* Find(const RequestId& id) const;
};

}  // namespace capbroker
