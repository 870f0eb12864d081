// Everything live of one owner, as plain values: the fold of its trail.
#pragma once

#include <algorithm>
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

// What an allocation reserved or drew of one commitment (R21).
struct Draw {
  ClauseRef commitment{};
  Money amount{};
  bool operator==(const Draw&) const = default;
};

// Capacity placed by one offer.
struct Allocation {
  // Who announced its end (R15, R28).
  enum class Notice { kNone, kWithdrawal, kRelease };

  AllocationState state = AllocationState::kNone;
  Notice notice = Notice::kNone;
  int64_t quantity = 0;
  SegmentList segments{};  // The same units, by segment.
  std::vector<Draw> draws{};
  Instant confirm_by{};  // R14: of a HELD one; unset: confirmed with the rest.
  Instant ends{};        // What was noticed takes effect at this instant; unset: nothing was.
  Instant confirmed{}, ended{};
  bool operator==(const Allocation&) const = default;
  bool IsStanding() const { return capbroker::IsStanding(state); }
};

// What the provider of an offer has said that it would do, and what became of that.
enum class Promise {
  kNone,      // Nothing, or it has been settled: held, refused, told.
  kBid,       // A sealed bid, until the round closes (R9).
  kCounter,   // Other terms, until the owner answers (R7).
  kReserve,   // It would still take it if those before it do not (R9, R16, R26).
  kSelected,  // It is to have it; holders may come first (R10).
};

// One question to one provider, its ending, and the allocation that came of it. An allocation that
// came of a late acceptance or of a counter leaves the offer LAPSED or COUNTERED: an ending is
// final.
struct Offer {
  uint32_t number = 0;  // From 1, in the order they were opened.
  uint32_t lineage = 0;
  uint32_t version = 1;  // Of the request it is about.
  uint32_t replaces =
      0;  // The offer it supersedes, or whose allocation it would take the place of.
  uint32_t successor = 0;      // The offer that superseded it.
  uint32_t matches = 0;        // Of a match: the selected offer whose terms these are (R10).
  uint32_t rights_passed = 0;  // Of a selected one: how many rights of the lineage, in their order,
                               // stand in its way no more.
  OfferKind kind = OfferKind::kNone;
  OfferState state = OfferState::kOpen;
  Promise promise = Promise::kNone;
  DeclineReason decline = DeclineReason::kNone;
  bool rejection_recorded = false;  // A refused answer is recorded once an offer (R26).
  bool sealed = false;              // Answered by bids (R9).
  bool continues = false;   // In the window of the offer it superseded: none of its own (R13).
  bool outmatched = false;  // A holder has exercised its right against it (R9, R10).
  ProviderId provider{};
  ClauseRef clause{};  // The right it serves; unset for an alternative.
  int64_t quantity = 0;
  int64_t min_quantity = 0;  // 0: all or nothing.
  int64_t quantity_step = 0;
  int64_t promised = 0;  // Accepted, bid, countered or in reserve, allocated or not.
  Money unit_price{};    // Offered.
  std::shared_ptr<const Terms> terms{};   // Of a match: the bid's. Null: the request's, with
                                          // quantity and price.
  std::shared_ptr<const Terms> answer{};  // The provider's own: a bid's or a counter's.
  std::string contingent{};               // Of a bid: on what.
  Hash terms_hash{};
  Instant opened{}, deadline{}, answered{};
  Instant take_by{};  // Of a counter: the last instant at which the owner may take it (R7).
  Allocation allocation{};
  std::string ending{};  // The code with which the broker ended it: "CANCELLED", "ALREADY_PLACED".
  std::string text{};    // Of a decline, in the provider's words.
  bool operator==(const Offer&) const = default;

  // The provider may answer it still.
  bool IsUnanswered() const { return state == OfferState::kOpen && promise != Promise::kReserve; }
};

// A waiver clause's use, over all its versions, in units.
struct WaiverUse {
  AgreementId agreement{};
  ClauseId clause{};
  int64_t drawn = 0;
  bool operator==(const WaiverUse&) const = default;
};

// What a lineage has drawn of one waiver, by segment.
struct WaiverDraw {
  ClauseRef waiver{};
  SegmentList segments{};
  bool operator==(const WaiverDraw&) const = default;
};

// One right over a lineage, and how far it has been dealt with.
struct Right {
  enum class State {
    kStanding,  // To be asked, or in mode MATCH to be asked to match.
    kWaived,    // Refused on these terms: it may be held against better ones (R10).
    kEnded,     // Passed over, ended (R17) or given up by a withdrawal (R15): in nobody's way.
  };
  ClauseRef clause{};
  State state = State::kStanding;
  bool reoffered = false;  // R16.
  bool revived = false;    // R12: at least once.
  Instant close_by{};  // Of a waived one: it revives after this unless what followed is confirmed
                       // (R12); unset: it does not.
  bool operator==(const Right&) const = default;
};

// The part of a request that goes one route: a lot, and what has been placed of it.
struct Lineage {
  // Of what is not placed.
  enum class Stage {
    kRights,     // Holders are asked, each in its turn.
    kFallback,   // Alternatives are.
    kExhausted,  // Everybody was; what is in reserve may still serve (R16).
    kBlocked,    // An exclusive holder does not supply (R19).
    kClosed,     // An amendment took it away; what comes back is routed anew.
  };
  uint32_t number = 0;   // From 1.
  uint32_t version = 1;  // Of the request, when it was routed.
  Kind route = Kind::ROUTE_OPEN;
  Stage stage = Stage::kRights;
  SegmentList segments{};  // As it was routed.
  Units units{};
  SegmentList unplaced{};            // The free, asked and promised units, by segment.
  std::vector<Right> rights{};       // In the order they are asked.
  std::vector<ClauseRef> waivers{};  // Of ROUTE_WAIVED.
  std::vector<WaiverDraw> drawn{};   // For it, of any waivers.
  std::vector<ProviderId> absent{};  // Who gave these units back after confirming them (R15), or
                                     // did not take what was waived for it alone (R20).
  Instant waivers_tested{};  // Of kBlocked: waivers written before this were held against it (R19).
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
  Instant tolled{};  // Until when its windows are settled for outages (R22).
  std::vector<Lineage> lineages{};
  std::vector<Offer> offers{};
  std::vector<Passed> reasons{};  // Of UNFILLED and PARTIALLY_FULFILLED: every provider's.
  bool operator==(const RequestBook&) const = default;

  const Offer* Find(uint32_t number) const {
    return number >= 1 && number <= offers.size() ? &offers[number - 1] : nullptr;
  }
  int64_t Standing() const;  // Held or confirmed, in all.
  const Request& VersionOf(const Offer& offer) const { return *versions[offer.version - 1]; }
  // Whether the offer asks its provider to let new terms take the place of what it has placed
  // (R13).
  bool IsExchange(const Offer& offer) const {
    return offer.replaces != 0 && offers[offer.replaces - 1].state != OfferState::kSuperseded;
  }
  // R9. The last timely instant of the round of sealed bids that this offer is in: any of its
  // offers may have been given more time.
  Instant EndOfRound(const Offer& bid) const;
  // The selected alternative of the lineage whose turn it is to pass the holders; null if none is.
  const Offer* CandidateOf(const Lineage& lineage) const;
  // R15. Whether units that come back now are routed anew, rather than gone.
  bool IsRoutedAnew(Instant now) const;
  // Whether something may still happen to it by itself: it is not finished, or notice was given of
  // the end of an allocation.
  bool IsLive() const;
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

// R17. A clause of one version that has ended, and when.
struct EndedClause {
  ClauseRef clause{};
  Instant time{};
};

// R17. What owner and holder have said of the end of a version or, with version 0, of the
// agreement.
struct Termination {
  AgreementId agreement{};
  uint32_t version = 0;
  Instant by_owner{}, by_holder{};  // From when each says; unset: it has said nothing.
  // When both are heard: the later of the two; unset before.
  Instant TakesEffect() const {
    return by_owner.IsSet() && by_holder.IsSet() ? std::max(by_owner, by_holder) : Instant{};
  }
};

// What an owner has besides requests.
struct Account {
  // By agreement, then version; every version that was ever activated.
  std::vector<std::shared_ptr<const AgreementVersion>> agreements{};
  std::vector<EndedClause> ended{};  // Clauses whose end is recorded (R17).
  std::vector<Termination> terminations{};
  Instant tolled{};  // Until when the windows of triggers are settled for outages (R22).
  std::vector<GrantedWaiver> grants{};  // In the order they were written, revoked ones too.
  std::vector<Assertion> triggers{};    // One for each clause of a version that was ever asserted.
  std::vector<CommitmentBalance> commitments{};
  std::vector<WaiverUse> waivers{};
  std::vector<CoolDown> cool_downs{};  // At most one for each provider, resource and region.
  std::vector<Aggregate> aggregates{};

  const AgreementVersion* Find(const AgreementId& id, uint32_t version) const;
  const AgreementVersion* Latest(const AgreementId& id) const;
  const Clause* Find(const ClauseRef& ref) const;  // A waiver written beside the version as well.
  const GrantedWaiver* FindGrant(const AgreementId& agreement, const ClauseId& waiver) const;
  const Assertion* FindAssertion(const ClauseRef& trigger) const;  // Under this version.
  // The latest assertion of the trigger, under whichever version it was asserted.
  const Assertion* FindTrigger(const AgreementId& agreement, const ClauseId& trigger) const;
  std::vector<const AgreementVersion*> InForce(Instant t) const;
  // When the version ends: at its term, its successor's beginning or its termination, the earliest;
  // kLastInstant if no end is known.
  Instant EndOfVersion(const AgreementVersion& version) const;
  // R17. When the clause ends, as far as is known: the first instant at which neither its version
  // nor a later one in force has a clause of its id and kind, or at which a trigger ended it;
  // kLastInstant if never.
  Instant EndOfClause(const ClauseRef& ref) const;
  bool HasEnded(const ClauseRef& ref, Instant t) const { return EndOfClause(ref) <= t; }
  // Whether the end of the clause stands in the trail.
  bool IsEndRecorded(const ClauseRef& ref) const;
  int64_t WaiverDrawn(const AgreementId& agreement, const ClauseId& clause) const;
  bool IsCoolingDown(const ProviderId& provider, const Terms& terms, Instant t) const;
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
  // Every live request by its DueTime, and the account's under an unset id (dues.h).
  absl::btree_set<std::pair<Instant, RequestId>> deadlines{};
  Instant account_listed = kLastInstant;  // The account's place among them.

  // Null if it is not there. Both wake it.
  const RequestBook* Find(const RequestId& id) const;
  std::shared_ptr<const RequestBook> Share(const RequestId& id) const;
};

}  // namespace capbroker
