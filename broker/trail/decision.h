// The entries of the trail. An act is everything that one command decided, at one instant, on one
// party's act: it is recorded whole or not at all, and is the link of the owner's hash chain.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "broker/agreements/agreement.h"
#include "broker/values/ids.h"
#include "broker/values/provider.h"
#include "broker/values/request.h"
#include "broker/values/terms.h"

namespace capbroker {

// What can be decided. RULES section 7 gives each its meaning. The order here is no part of the
// record, which holds names. Added to it: COUNTER_TAKEN (R7: the owner takes the holder's terms),
// NOTICE_ATTEMPTED (R2: an offer was brought to a provider's door, or not), TRIGGER_WITHDRAWN (R18,
// whose states have it), PROVIDER_UPDATED, PROVIDER_TRIPPED and PROVIDER_HEALED (R23).
// clang-format off
#define CAPBROKER_KINDS(X)                                                                              \
  X(REQUEST_RECEIVED) X(REQUEST_AMENDED) X(MATERIAL_CHANGE) X(IMMATERIAL_CHANGE)                        \
  X(REQUEST_CANCELLED) X(REQUEST_EXPIRED) X(REQUEST_BLOCKED) X(REQUEST_FULFILLED)                       \
  X(REQUEST_PARTIALLY_FULFILLED) X(REQUEST_UNFILLED)                                                    \
  X(ROUTE_EXCLUSIVE) X(ROUTE_FIRST_REFUSAL) X(ROUTE_WAIVED) X(ROUTE_OPEN) X(WAIVER_TESTED)              \
  X(WAIVER_DRAWN) X(AGGREGATION_APPLIED) X(PROVIDER_SKIPPED)                                            \
  X(OFFER_OPENED) X(OFFER_ACCEPTED) X(OFFER_PARTIALLY_ACCEPTED) X(OFFER_COUNTERED) X(COUNTER_TAKEN)     \
  X(OFFER_DECLINED) X(OFFER_LAPSED) X(OFFER_RESCINDED) X(OFFER_SUPERSEDED) X(OFFER_VOIDED)              \
  X(NOTICE_ATTEMPTED) X(RESPONSE_REJECTED) X(STANDBY_RECORDED) X(STANDBY_PROMOTED)                      \
  X(DEADLINE_EXTENDED) X(DEADLINE_TOLLED)                                                               \
  X(RIGHT_WAIVED) X(RIGHT_REVIVED) X(FALLBACK_STARTED) X(FALLBACK_EXHAUSTED)                            \
  X(BID_RECEIVED) X(BID_DISQUALIFIED) X(BEST_BID_SELECTED) X(BID_LOST) X(MATCH_REQUIRED)                \
  X(MATCH_NOT_REQUIRED) X(MATCH_SKIPPED)                                                                \
  X(ALLOCATION_HELD) X(ALLOCATION_CONFIRMED) X(ALLOCATION_EXPIRED) X(ALLOCATION_RELEASED)               \
  X(WITHDRAWAL_NOTICED) X(ALLOCATION_WITHDRAWN)                                                         \
  X(COMMITMENT_RESERVED) X(COMMITMENT_DRAWN) X(COMMITMENT_RELEASED) X(COMMITMENT_RESTORED)              \
  X(COMMITMENT_INCREASED)                                                                               \
  X(AGREEMENT_ACTIVATED) X(AGREEMENT_SUPERSEDED) X(CLAUSE_ENDED) X(WAIVER_GRANTED)                      \
  X(WAIVER_REVOKED)                                                                                     \
  X(TRIGGER_ASSERTED) X(TRIGGER_DISPUTED) X(DISPUTE_RESOLVED) X(TRIGGER_ATTESTED)                       \
  X(TRIGGER_REJECTED) X(TRIGGER_WITHDRAWN) X(TRIGGER_EFFECTIVE)                                         \
  X(PROVIDER_REGISTERED) X(PROVIDER_UPDATED) X(PROVIDER_SUSPENDED) X(PROVIDER_RESUMED)                  \
  X(PROVIDER_TRIPPED) X(PROVIDER_HEALED)                                                                \
  X(RECOVERY_RESUMED)
// clang-format on
enum class Kind {
#define X(name) name,
  CAPBROKER_KINDS(X)
#undef X
};
template <>
struct Names<Kind> {
#define X(name) #name,
  static constexpr auto values = std::to_array<std::string_view>({CAPBROKER_KINDS(X)});
#undef X
};

enum class OfferKind { kNone, kExclusiveAsk, kFirstOffer, kMatch, kAlternative, kReoffer };
template <>
struct Names<OfferKind> {
  static constexpr std::array<std::string_view, 6> values = {
      "", "EXCLUSIVE_ASK", "FIRST_OFFER", "MATCH", "ALTERNATIVE", "REOFFER"};
};

// R8.
enum class DeclineReason {
  kNone,
  kNoCapacity,
  kPrice,
  kTiming,
  kTerms,
  kPolicy,
  kCannotSupport,
  kOther
};
template <>
struct Names<DeclineReason> {
  static constexpr std::array<std::string_view, 8> values = {
      "", "NO_CAPACITY", "PRICE", "TIMING", "TERMS", "POLICY", "CANNOT_SUPPORT", "OTHER"};
};

// R8. `provider` is not asked for this resource in this region before `until`.
struct CoolDown {
  ProviderId provider{};
  std::string region{};
  std::string resource_type{};
  Instant until{};
  bool operator==(const CoolDown&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("provider", self.provider);
    field("region", self.region);
    field("resource_type", self.resource_type);
    field("until", self.until);
  }
};

// R24. Units of one purpose that count together with later requests alike, under one clause, before
// `until`.
struct Aggregate {
  AgreementId agreement{};
  ClauseId clause{};
  std::string region{};
  std::string resource_type{};
  std::string purpose{};
  int64_t quantity = 0;
  Instant until{};
  bool operator==(const Aggregate&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("agreement", self.agreement);
    field("clause", self.clause);
    field("purpose", self.purpose);
    field("quantity", self.quantity);
    field("region", self.region);
    field("resource_type", self.resource_type);
    field("until", self.until);
  }
};

// A provider or a clause that was passed over, or a party that did not supply, and why: a code, and
// words.
struct Passed {
  ProviderId provider{};
  ClauseRef clause{};
  std::string reason{};
  std::string text{};
  bool operator==(const Passed&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("clause", self.clause);
    field("provider", self.provider);
    field("reason", self.reason);
    field("text", self.text);
  }
};

// A figure that a rule compared: what it was, and the bound it was held against.
struct Figure {
  std::string name{};
  std::string got{};
  std::string bound{};
  bool operator==(const Figure&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("bound", self.bound);
    field("got", self.got);
    field("name", self.name);
  }
};

// R19, R20. A waiver that the holder of an agreement wrote beside it.
struct Grant {
  AgreementId agreement{};
  uint32_t version =
      0;  // In force when it was written. With the clause's id, this is its name: "azure/2/W1".
  Clause waiver{};        // Of kind WAIVER; its id is no clause's of the agreement.
  ProviderId provider{};  // Set: it lifts its clauses for what this provider takes only.
  RequestId request{};    // Set: it lifts its clauses for this request only.
  bool operator==(const Grant&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("agreement", self.agreement);
    field("provider", self.provider);
    field("request", self.request);
    field("version", self.version);
    field("waiver", self.waiver);
  }
};

// One decision. A field that does not matter to the kind keeps its default and is not recorded.
struct Decision {
  Kind kind = Kind::REQUEST_RECEIVED;
  uint32_t lineage = 0;  // From 1.
  uint32_t offer =
      0;  // From 1, per request; an allocation has the number of the offer that made it.
  uint32_t replaces =
      0;  // ROUTE_*: the lineage whose remainder goes on here. OFFER_OPENED: the offer
          // superseded, or whose allocation is to be exchanged for this one (R13).
  ProviderId provider{};
  OfferKind offer_kind = OfferKind::kNone;  // OFFER_OPENED.
  ClauseRef clause{};                       // The clause it rests on.
  std::vector<ClauseRef>
      clauses{};  // ROUTE_*: every governing clause, in the order they are asked.
  std::vector<uint32_t> segments{};  // ROUTE_*: of the request, from 0.
  int64_t quantity = 0;
  int64_t min_quantity =
      0;  // OFFER_OPENED: the smallest part that may be accepted; 0: all or nothing.
  int64_t quantity_step = 0;             // OFFER_OPENED: parts are multiples of it.
  Money unit_price{};                    // OFFER_OPENED.
  Hash terms_hash{};                     // OFFER_OPENED: of the whole terms offered.
  std::shared_ptr<const Terms> terms{};  // OFFER_OPENED of a match: the bid's, frozen.
                                         // OFFER_COUNTERED, BID_RECEIVED: the provider's own.
  std::string contingent{};              // BID_RECEIVED: on what, in words; empty: firm.
  bool sealed = false;  // OFFER_OPENED: answered by bids, which are compared at the deadline.
  Instant deadline{};   // OFFER_OPENED, DEADLINE_*: the last timely instant.
  DeclineReason decline = DeclineReason::kNone;
  std::shared_ptr<const CoolDown> cool_down{};   // OFFER_DECLINED: null if it asked for none.
  std::shared_ptr<const Aggregate> aggregate{};  // AGGREGATION_APPLIED: what this request adds.
  std::string reason{};                          // A code.
  std::string text{};                            // A party's own words.
  std::vector<Passed>
      passed{};  // ROUTE_*: clauses that do not govern; REQUEST_UNFILLED: every provider's reason.
  std::vector<Figure> figures{};  // What was compared.
  Money amount{};                 // COMMITMENT_*.
  Money measure{};                // TRIGGER_ATTESTED: what was measured.
  std::string party{};            // TRIGGER_*: on whose act, "auditor/kpmg".
  Hash evidence{};                // TRIGGER_ASSERTED: SHA-256 of what shows it; zeros if none.
  // AGREEMENT_SUPERSEDED: the old version's effective_to. The last instant in time of what is to
  // follow: RIGHT_WAIVED: the alternative's confirmation (R12); OFFER_COUNTERED: the owner's answer
  // (R7); ALLOCATION_HELD: the confirmation (R14); TRIGGER_ASSERTED: a dispute (R18).
  // WITHDRAWAL_NOTICED: when it takes effect, exclusive.
  Instant until{};
  Span downtime{};                           // RECOVERY_RESUMED, DEADLINE_TOLLED: measured.
  std::shared_ptr<const Request> request{};  // REQUEST_RECEIVED, REQUEST_AMENDED.
  std::shared_ptr<const Grant> grant{};      // WAIVER_GRANTED.
  std::shared_ptr<const AgreementVersion> agreement{};  // AGREEMENT_ACTIVATED.
  std::shared_ptr<const Provider> record{};             // PROVIDER_REGISTERED, PROVIDER_UPDATED.

  static void Fields(auto& self, auto&& field) {
    field("aggregate", self.aggregate);
    field("agreement", self.agreement);
    field("amount", self.amount);
    field("clause", self.clause);
    field("clauses", self.clauses);
    field("contingent", self.contingent);
    field("cool_down", self.cool_down);
    field("deadline", self.deadline);
    field("decline", self.decline);
    field("downtime", self.downtime);
    field("evidence", self.evidence);
    field("figures", self.figures);
    field("grant", self.grant);
    field("kind", self.kind);
    field("lineage", self.lineage);
    field("measure", self.measure);
    field("min_quantity", self.min_quantity);
    field("offer", self.offer);
    field("offer_kind", self.offer_kind);
    field("party", self.party);
    field("passed", self.passed);
    field("provider", self.provider);
    field("quantity", self.quantity);
    field("quantity_step", self.quantity_step);
    field("reason", self.reason);
    field("record", self.record);
    field("replaces", self.replaces);
    field("request", self.request);
    field("sealed", self.sealed);
    field("segments", self.segments);
    field("terms", self.terms);
    field("terms_hash", self.terms_hash);
    field("text", self.text);
    field("unit_price", self.unit_price);
    field("until", self.until);
  }
};

struct Act {
  OwnerId owner{};
  uint64_t sequence = 0;  // From 1, without gaps, per owner.
  Instant time{};         // The broker's decision time; never before the act before it.
  Actor actor{};
  RequestId request{};  // Unset: the act is about the owner's agreements, or the directory.
  std::vector<Decision> decisions{};

  static void Fields(auto& self, auto&& field) {
    field("actor", self.actor);
    field("decisions", self.decisions);
    field("owner", self.owner);
    field("request", self.request);
    field("sequence", self.sequence);
    field("time", self.time);
  }
};

}  // namespace capbroker
