// Everything live of one owner, as plain values: the fold of its trail.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "broker/agreements/agreement.h"
#include "broker/agreements/trigger.h"
#include "broker/trail/decision.h"
#include "broker/values/ids.h"
#include "broker/values/provider.h"
#include "broker/values/request.h"

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
  static constexpr std::array<std::string_view, 9> values = {
      "OPEN",   "ACCEPTED",  "PARTIALLY_ACCEPTED", "COUNTERED", "DECLINED",
      "LAPSED", "RESCINDED", "SUPERSEDED",         "VOIDED"};
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

// One question to one provider, its ending, and the allocation that came of it. An allocation that
// came of a late acceptance or of a counter leaves the offer LAPSED or COUNTERED: an ending is
// final.
struct Offer {
  uint32_t number = 0;  // From 1, in the order they were opened.
  uint32_t lineage = 0;
  uint32_t version = 1;  // Of the request it is about.
  uint32_t replaces =
      0;  // The offer it supersedes, or whose allocation it is to be exchanged for (R13).
  uint32_t successor = 0;  // The offer that superseded it.
  OfferKind kind = OfferKind::kNone;
  OfferState state = OfferState::kOpen;
  AllocationState allocation = AllocationState::kNone;
  DeclineReason decline = DeclineReason::kNone;
  bool rejection_recorded = false;  // A refused answer is recorded once an offer (R26).
  bool sealed = false;              // Answered by bids (R9).
  bool has_bid = false;
  bool standby = false;   // Its provider would still take it, in reserve (R9, R16).
  bool returned = false;  // Its allocation's quantity went back to the lot.
  ProviderId provider{};
  ClauseRef clause{};  // The right it serves; unset for an alternative.
  int64_t quantity = 0;
  int64_t min_quantity = 0;  // 0: all or nothing.
  int64_t quantity_step = 0;
  int64_t promised = 0;  // Accepted, bid or in reserve, allocated or not.
  int64_t accepted = 0;  // The allocation's quantity.
  Money unit_price{};    // Offered.
  std::shared_ptr<const Terms>
      terms{};  // Of a match: the bid's. Null: the request's, with quantity and price.
  std::shared_ptr<const Terms>
      answer{};              // The provider's own: a bid's or a counter's. Null: as offered.
  std::string contingent{};  // Of a bid: on what.
  Money committed{};         // Of the holder's commitment, reserved or drawn by this allocation.
  ClauseRef commitment{};
  Hash terms_hash{};
  Instant opened{}, deadline{}, answered{};
  Instant tolled{};  // When its deadline was last moved for an outage (R22).
  Instant
      take_by{};  // R7: the last instant at which the owner may take the counter; unset: no more.
  Instant confirm_by{};          // R14: of a HELD allocation; unset: confirmed with the rest.
  Instant withdraws{};           // R15: when the withdrawal takes effect; unset: none was noticed.
  Instant confirmed{}, ended{};  // Of the allocation.
  std::string text{};            // Of a decline, in the provider's words.
  bool operator==(const Offer&) const = default;
};

// A waiver clause's use, over all its versions, in units.
struct WaiverUse {
  AgreementId agreement{};
  ClauseId clause{};
  int64_t drawn = 0;
  bool operator==(const WaiverUse&) const = default;
};

// One right over a lineage, and how far it has been dealt with.
struct Right {
  ClauseRef clause{};
  bool done = false;     // Waived, passed over or ended: it stands in nobody's way.
  Instant close_by{};    // R12: it revives after this unless what followed is confirmed; unset: it
                         // does not.
  uint32_t matched = 0;  // The offer that it was last asked to match, or that need not be matched.
  bool reoffered = false;  // R16.
  bool revived = false;    // R12: at least once.
  bool operator==(const Right&) const = default;
};

// The part of a request that goes one route. Its lot in play is what remains; accepted parts have
// left it.
struct Lineage {
  // Of what remains. kClosed: an amendment took it away; what comes back later is routed again.
  enum class Stage { kRights, kFallback, kExhausted, kBlocked, kClosed };
  uint32_t number = 0;  // From 1.
  Kind route = Kind::ROUTE_OPEN;
  Stage stage = Stage::kRights;
  std::vector<uint32_t> segments{};
  std::vector<Right> rights{};       // In the order they are asked.
  std::vector<ClauseRef> waivers{};  // Of ROUTE_WAIVED.
  std::vector<WaiverUse> drawn{};    // For it, of any waivers.
  uint32_t candidate =
      0;  // The alternative's offer that is chosen, not yet held: a match may come first.
  int64_t quantity = 0;
  int64_t remaining = 0;
  Instant blocked{};              // R19: since when, or since a waiver was last held against it.
  std::vector<Passed> skipped{};  // Providers not asked, and why.
  bool operator==(const Lineage&) const = default;
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

// One request with its lineages, offers and allocations. A copy is independent; two are equal that
// share what they point to.
struct RequestBook {
  std::shared_ptr<const Request> request{};                // The latest version.
  std::vector<std::shared_ptr<const Request>> versions{};  // Every version, in order.
  RequestState state = RequestState::kReceived;
  uint64_t sequence = 0;  // Of the last act about it: its version for watchers and caches.
  Instant created{}, updated{};
  std::vector<Lineage> lineages{};
  std::vector<Offer> offers{};
  std::vector<Passed> reasons{};  // Of UNFILLED and PARTIALLY_FULFILLED: every provider's.
  bool operator==(const RequestBook&) const = default;

  const Offer* Find(uint32_t number) const {
    return number >= 1 && number <= offers.size() ? &offers[number - 1] : nullptr;
  }
  int64_t Standing() const;  // Held or confirmed, in all.
  const Request& VersionOf(const Offer& offer) const { return *versions[offer.version - 1]; }
  // Whether anything is still asked, held or missing.
  bool IsInPlay() const;
  // R9. The last timely instant of the round of sealed bids that this offer is in: any of its
  // offers may have been given more time.
  Instant EndOfRound(const Offer& bid) const;
  // R12. Whether something of the lineage that alternatives should have is not confirmed.
  bool IsUnconfirmed(const Lineage& lineage) const;
  // Whether the offer asks its provider to let new terms take the place of what it has placed
  // (R13).
  bool IsExchange(const Offer& offer) const {
    return offer.replaces != 0 && offers[offer.replaces - 1].state != OfferState::kSuperseded;
  }
  // The last instant at which nothing has to happen by itself; kLastInstant if the request is
  // finished.
  Instant NextDeadline() const;
};

// The terms that were offered.
Terms TermsOf(const RequestBook& book, const Offer& offer);
// The terms on which its allocation stands or would: those offered, or the provider's own.
Terms AgreedTermsOf(const RequestBook& book, const Offer& offer);

// A commitment clause's balance, over all its versions. committed = drawn + reserved + left.
struct CommitmentBalance {
  AgreementId agreement{};
  ClauseId clause{};
  Money committed{}, reserved{}, drawn{};
  Money Left() const {
    return {committed.micros - reserved.micros - drawn.micros, committed.currency};
  }
};

// R19, R20. A waiver written beside an agreement, and for how long.
struct GrantedWaiver {
  std::shared_ptr<const Grant> grant{};
  Instant granted{};
  Instant revoked{};  // From then on it lifts nothing new; unset: it stands.
  ClauseRef ref() const { return {grant->agreement, grant->version, grant->waiver.id}; }
};

// What an owner has besides requests.
struct Account {
  // By agreement, then version; every version that was ever activated.
  std::vector<std::shared_ptr<const AgreementVersion>> agreements{};
  std::vector<std::pair<AgreementId, uint32_t>> ended{};  // Versions whose end is recorded.
  std::vector<ClauseRef> triggered{};   // Clauses that a trigger ended before their version.
  std::vector<GrantedWaiver> grants{};  // In the order they were written, revoked ones too.
  std::vector<Assertion> triggers{};    // One for each clause that was ever asserted.
  std::vector<CommitmentBalance> commitments{};
  std::vector<WaiverUse> waivers{};
  std::vector<CoolDown> cool_downs{};  // At most one for each provider, resource and region.
  std::vector<Aggregate> aggregates{};

  const AgreementVersion* Find(const AgreementId& id, uint32_t version) const;
  const AgreementVersion* Latest(const AgreementId& id) const;
  const Clause* Find(const ClauseRef& ref) const;  // A waiver written beside the version as well.
  const GrantedWaiver* FindGrant(const AgreementId& agreement, const ClauseId& waiver) const;
  const Assertion* FindTrigger(const AgreementId& agreement, const ClauseId& trigger) const;
  std::vector<const AgreementVersion*> InForce(Instant t) const;
  // R17. Whether the clause has ended at `t`: neither its version nor a later one in force has a
  // clause of its id and kind that no trigger ended.
  bool HasEnded(const ClauseRef& ref, Instant t) const;
  bool IsTriggered(const ClauseRef& ref) const;
  // From `t` on, when HasEnded becomes true, as far as is known; kLastInstant if never.
  Instant EndOfRight(const ClauseRef& ref, Instant t) const;
  int64_t WaiverDrawn(const AgreementId& agreement, const ClauseId& clause) const;
  bool IsCoolingDown(const ProviderId& provider, const Terms& terms, Instant t) const;
  // The last instant before the next end of a version (EndOf) that no decision has recorded yet, or
  // before a trigger takes effect; kLastInstant if none.
  Instant NextDeadline() const;
};

using PackedRequest = std::shared_ptr<const char[]>;

// A request in its book. It is never changed, so that it can be shown while the book goes on: the
// next act about it puts another in its place. While nobody asks for it, it may be packed.
class Filed {
 public:
  std::shared_ptr<const RequestBook> Read() const;  // As it stands.
  const RequestBook& Wake() const;  // Unpacks it: what is given is good until it is packed or put.
  void Put(std::shared_ptr<const RequestBook> request) { request_ = std::move(request); }
  void Pack(uint64_t sequence);  // If it stands there still.
  bool IsEmpty() const;          // Nothing was put.

  Instant listed = kLastInstant;  // Its place among Book::deadlines; kLastInstant: none.

 private:
  mutable std::variant<std::shared_ptr<const RequestBook>, PackedRequest> request_{};
};

// The book is the fold of the owner's acts. Finished requests may be left out of `requests`; a
// command about one is decided after it has been put back.
struct Book {
  OwnerId owner{};
  uint64_t sequence = 0;  // Of the last act.
  Hash hash{};            // The chain's head.
  Instant time{};         // Of the last act.
  Account account{};
  Directory directory{};  // Of kDirectory's book only.
  absl::flat_hash_map<RequestId, Filed> requests{};
  // Every unfinished request by its DueTime, and the account's NextDeadline under an unset id.
  absl::btree_set<std::pair<Instant, RequestId>> deadlines{};
  Instant account_listed = kLastInstant;  // The account's place among them.

  // Null if it is not there. Both wake it.
  const RequestBook* Find(const RequestId& id) const;
  std::shared_ptr<const RequestBook> Share(const RequestId& id) const;
};

// The last instant at which nothing has to happen to the request by itself: its own NextDeadline
// or, if earlier, what the account does to it: a clause that voids its open offers ends (R17), a
// waiver lifts what blocks it (R19).
Instant DueTime(const Account& account, const RequestBook& request);
// R19. Whether the waiver names the clause that blocks this lineage, for this request.
bool MayLift(const GrantedWaiver& waiver, const RequestBook& request, const Lineage& lineage);
// R19. From when on a waiver written beside the agreement is to be held against this blocked
// lineage, and was not yet; kLastInstant if there is none.
Instant WaiverDue(const Account& account, const RequestBook& request, const Lineage& lineage);

}  // namespace capbroker
