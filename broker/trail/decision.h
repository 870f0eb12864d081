// The entries of the trail. An act is everything that one command decided, at one instant, on one
// party's act: it is recorded whole or not at all, and is the link of the owner's hash chain.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "broker/agreements/agreement.h"
#include "broker/trail/kinds.h"
#include "broker/trail/units.h"
#include "broker/values/ids.h"
#include "broker/values/provider.h"
#include "broker/values/request.h"
#include "broker/values/terms.h"

namespace capbroker {

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

// R24. Units of one purpose of one request, which count together with later requests alike, under
// one clause, before `until`.
struct Aggregate {
  RequestId request{};
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
    field("request", self.request);
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

// R22. Which running window an outage is added back to.
enum class WindowKind { kOffer, kCounter, kConfirm, kClose, kDispute, kAttest };
template <>
struct Names<WindowKind> {
  static constexpr std::array<std::string_view, 6> values = {"",      "COUNTER", "CONFIRM",
                                                             "CLOSE", "DISPUTE", "ATTEST"};
};

// One decision. A field that does not matter to the kind keeps its default and is not recorded.
struct Decision {
  Kind kind = Kind::REQUEST_RECEIVED;
  uint32_t lineage = 0;   // From 1.
  uint32_t offer = 0;     // From 1, per request; an allocation has the number of its offer.
  uint32_t replaces = 0;  // ROUTE_*: the lineage whose units are routed anew. OFFER_OPENED: the
                          // offer superseded, or whose allocation it would take the place of (R13).
  uint32_t matches = 0;   // OFFER_OPENED of a match: the offer whose terms these are.
  ProviderId provider{};
  OfferKind offer_kind = OfferKind::kNone;  // OFFER_OPENED.
  ClauseRef clause{};                       // The clause it rests on.
  std::vector<ClauseRef>
      clauses{};           // ROUTE_*: every governing clause, in the order they are asked.
  SegmentList segments{};  // ROUTE_*, WAIVER_DRAWN, WAIVER_RESTORED: the units, by segment.
  int64_t quantity = 0;
  int64_t min_quantity =
      0;  // OFFER_OPENED: the smallest part that may be accepted; 0: all or none.
  int64_t quantity_step = 0;             // OFFER_OPENED: parts are multiples of it.
  Money unit_price{};                    // OFFER_OPENED.
  Hash terms_hash{};                     // OFFER_OPENED: of the whole terms offered.
  std::shared_ptr<const Terms> terms{};  // OFFER_OPENED of a match: the bid's, frozen.
                                         // OFFER_COUNTERED, BID_RECEIVED: the provider's own.
  std::string contingent{};              // BID_RECEIVED: on what, in words; empty: firm.
  bool sealed = false;     // OFFER_OPENED: answered by bids, which are compared at the deadline.
  bool continues = false;  // OFFER_OPENED: in the window of the offer it replaces, not a new one.
  Instant deadline{};      // OFFER_OPENED, DEADLINE_*: the last timely instant.
  WindowKind clock = WindowKind::kOffer;  // DEADLINE_TOLLED: of which window.
  DeclineReason decline = DeclineReason::kNone;
  std::shared_ptr<const CoolDown> cool_down{};   // OFFER_DECLINED: null if it asked for none.
  std::shared_ptr<const Aggregate> aggregate{};  // AGGREGATION_APPLIED: what this request adds.
  std::vector<RequestId> counted{};  // AGGREGATION_APPLIED: the others that count together with it.
  std::string reason{};              // A code.
  std::string text{};                // A party's own words.
  std::vector<Passed> passed{};   // ROUTE_*: clauses that do not govern. The request's end: every
                                  // provider's reason.
  std::vector<Figure> figures{};  // What was compared.
  Money amount{};                 // COMMITMENT_*.
  Money measure{};                // TRIGGER_ATTESTED: what was measured.
  Hash evidence{};                // TRIGGER_ASSERTED: SHA-256 of what was shown; unset: none.
  std::string party{};            // TRIGGER_*: on whose act, "auditor/kpmg".
  // The last instant in time of what is to follow.
  Instant take_by{};     // OFFER_COUNTERED: the owner's answer (R7).
  Instant confirm_by{};  // ALLOCATION_HELD: the confirmation (R14); unset: with the rest.
  Instant close_by{};    // RIGHT_WAIVED: the alternative's confirmation (R12); unset: no bound.
  Instant dispute_by{};  // TRIGGER_ASSERTED: a dispute (R18).
  Instant attest_by{};   // TRIGGER_ASSERTED: the last signature (R18).
  // The first instant of what is announced.
  Instant takes_effect{};  // WITHDRAWAL_NOTICED, RELEASE_NOTICED, AGREEMENT_TERMINATED.
  Instant end_time{};      // AGREEMENT_SUPERSEDED: the old version's end. CLAUSE_ENDED: its end.
  Span downtime{};         // RECOVERY_RESUMED, DEADLINE_TOLLED: measured.
  std::shared_ptr<const Request> request{};             // REQUEST_RECEIVED, REQUEST_AMENDED.
  std::shared_ptr<const Grant> grant{};                 // WAIVER_GRANTED.
  std::shared_ptr<const AgreementVersion> agreement{};  // AGREEMENT_ACTIVATED.
  std::shared_ptr<const Provider> record{};             // PROVIDER_REGISTERED, PROVIDER_UPDATED.

  static void Fields(auto& self, auto&& field) {
    field("aggregate", self.aggregate);
    field("agreement", self.agreement);
    field("amount", self.amount);
    field("attest_by", self.attest_by);
    field("clause", self.clause);
    field("clauses", self.clauses);
    field("clock", self.clock);
    field("close_by", self.close_by);
    field("confirm_by", self.confirm_by);
    field("contingent", self.contingent);
    field("continues", self.continues);
    field("cool_down", self.cool_down);
    field("counted", self.counted);
    field("deadline", self.deadline);
    field("decline", self.decline);
    field("dispute_by", self.dispute_by);
    field("downtime", self.downtime);
    field("end_time", self.end_time);
    field("evidence", self.evidence);
    field("figures", self.figures);
    field("grant", self.grant);
    field("kind", self.kind);
    field("lineage", self.lineage);
    field("matches", self.matches);
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
    field("take_by", self.take_by);
    field("takes_effect", self.takes_effect);
    field("terms", self.terms);
    field("terms_hash", self.terms_hash);
    field("text", self.text);
    field("unit_price", self.unit_price);
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
