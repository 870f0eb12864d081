// Kinds of decision: one row for each. Whatever tells kinds apart (the fold, the verifier, watches,
// metrics, statements, the trail in words) reads the row; a kind without one does not compile.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "broker/values/names.h"

namespace capbroker {

// What a decision is about.
enum class Subject { kRequest, kOffer, kAllocation, kAgreement, kProvider, kBroker };
// What it brings to an end.
enum class Ends { kNothing, kOffer, kAllocation, kRequest };
// What it changes besides its request.
enum class Touches {
  kNothing,
  kAccount,  // A balance, or what counts later, of the owner.
  kRights,   // The rights that stand, or may: every request of the owner may be due earlier.
};
// What it has to name.
namespace names {
enum Bits : uint8_t { kNothingElse = 0, kLineage = 1, kOffer = 2, kClause = 4 };
}  // namespace names

// X(NAME, subject, names, ends, touches, rule, sentence). The rule is the number in
// docs/rulebook.md under which it is decided. The sentence is in the trail in words; a name in
// braces is a word of the decision (describe.cc).
// clang-format off
#define CAPBROKER_KINDS(X)                                                                         \
  X(REQUEST_RECEIVED, kRequest, kNothingElse, kNothing, kNothing, 29, "{request}")                 \
  X(REQUEST_AMENDED, kRequest, kNothingElse, kNothing, kNothing, 13,                               \
    "the owner amends the request: {request}")                                                     \
  X(MATERIAL_CHANGE, kRequest, kNothingElse, kNothing, kNothing, 13,                               \
    "the change is material: what is not placed is routed and asked anew{figures}")                \
  X(IMMATERIAL_CHANGE, kRequest, kNothingElse, kNothing, kNothing, 13,                             \
    "the change is not material{because}{figures}")                                                \
  X(REQUEST_CANCELLED, kRequest, kNothingElse, kRequest, kNothing, 28,                             \
    "the owner cancels the request{because}")                                                      \
  X(REQUEST_EXPIRED, kRequest, kNothingElse, kRequest, kNothing, 25,                               \
    "the request has expired with nothing placed{passed}")                                         \
  X(REQUEST_BLOCKED, kRequest, kLineage | kClause, kNothing, kNothing, 19,                         \
    "{quantity} blocked: only {provider} may supply{under}, and it does not{because}")             \
  X(REQUEST_FULFILLED, kRequest, kNothingElse, kRequest, kNothing, 16, "all {quantity} confirmed") \
  X(REQUEST_PARTIALLY_FULFILLED, kRequest, kNothingElse, kRequest, kNothing, 16,                   \
    "{quantity} confirmed, the rest not placed{because}{passed}")                                  \
  X(REQUEST_UNFILLED, kRequest, kNothingElse, kRequest, kNothing, 16, "nobody supplies it{passed}") \
  X(ROUTE_EXCLUSIVE, kRequest, kLineage, kNothing, kNothing, 19,                                   \
    "{quantity} exclusive under{clauses}{aside}")                                                  \
  X(ROUTE_FIRST_REFUSAL, kRequest, kLineage, kNothing, kNothing, 1,                                \
    "{quantity} under the first refusal{clauses}{aside}")                                          \
  X(ROUTE_WAIVED, kRequest, kLineage, kNothing, kNothing, 20,                                      \
    "{quantity} free to place by the waiver{clauses}{aside}")                                      \
  X(ROUTE_OPEN, kRequest, kLineage, kNothing, kNothing, 1,                                         \
    "{quantity} free to place: no right governs{aside}")                                           \
  X(WAIVER_TESTED, kRequest, kClause, kNothing, kNothing, 20, "waiver {clause} {holds}{figures}")  \
  X(WAIVER_DRAWN, kRequest, kLineage | kClause, kNothing, kAccount, 20,                            \
    "{quantity} drawn on the waiver {clause}")                                                     \
  X(WAIVER_RESTORED, kRequest, kLineage | kClause, kNothing, kAccount, 20,                         \
    "{quantity} restored to the waiver {clause}{because}")                                         \
  X(AGGREGATION_APPLIED, kRequest, kClause, kNothing, kAccount, 24,                                \
    "counted together with similar requests{under}, {reason}{figures}{counted}")                   \
  X(PROVIDER_SKIPPED, kRequest, kLineage, kNothing, kNothing, 9,                                   \
    "{provider} passed over, {reason}{under}{note}")                                              \
  X(OFFER_OPENED, kOffer, kLineage | kOffer, kNothing, kNothing, 2, "{opened}")                    \
  X(OFFER_ACCEPTED, kOffer, kLineage | kOffer, kOffer, kNothing, 6, "{provider} accepts all {quantity}") \
  X(OFFER_PARTIALLY_ACCEPTED, kOffer, kLineage | kOffer, kOffer, kNothing, 6,                      \
    "{provider} accepts {quantity}")                                                               \
  X(OFFER_COUNTERED, kOffer, kLineage | kOffer, kOffer, kNothing, 7,                               \
    "{provider} counters with {quantity} at {price}; the owner may take it until {take_by}")       \
  X(COUNTER_TAKEN, kOffer, kLineage | kOffer, kNothing, kNothing, 7,                               \
    "the owner takes the counter of {provider}: {quantity} at {price}")                            \
  X(OFFER_DECLINED, kOffer, kLineage | kOffer, kOffer, kNothing, 8, "{declined}")                  \
  X(OFFER_LAPSED, kOffer, kLineage | kOffer, kOffer, kNothing, 5,                                  \
    "no answer from {provider} by {deadline}")                                                     \
  X(OFFER_RESCINDED, kOffer, kLineage | kOffer, kOffer, kNothing, 28,                              \
    "the offer to {provider} is rescinded{because}")                                               \
  X(OFFER_SUPERSEDED, kOffer, kLineage | kOffer, kOffer, kNothing, 13,                             \
    "the offer to {provider} is superseded{because}")                                              \
  X(OFFER_VOIDED, kOffer, kLineage | kOffer, kOffer, kNothing, 17,                                 \
    "the offer to {provider} is void{under}{because}")                                             \
  X(NOTICE_ATTEMPTED, kOffer, kLineage | kOffer, kNothing, kNothing, 2,                            \
    "notice to {provider}: {reason}{words}")                                                       \
  X(RESPONSE_REJECTED, kOffer, kLineage | kOffer, kNothing, kNothing, 26,                          \
    "an answer of {provider} is refused, {reason}; it could answer until {deadline}")              \
  X(STANDBY_RECORDED, kOffer, kLineage | kOffer, kNothing, kNothing, 26,                           \
    "{provider} is kept in reserve for {quantity}{because}")                                       \
  X(STANDBY_PROMOTED, kOffer, kLineage | kOffer, kNothing, kNothing, 16,                           \
    "{provider}, in reserve until now, is to have {quantity}")                                     \
  X(DEADLINE_EXTENDED, kOffer, kLineage | kOffer, kNothing, kNothing, 3,                           \
    "the owner gives {provider} until {deadline}")                                                 \
  X(DEADLINE_TOLLED, kOffer, kNothingElse, kNothing, kNothing, 22, "{tolled}")                     \
  X(RIGHT_WAIVED, kRequest, kLineage | kClause, kNothing, kNothing, 5,                             \
    "the right of {provider} over {quantity} is waived{under}, {reason}{revives}")                 \
  X(RIGHT_REVIVED, kRequest, kLineage | kClause, kNothing, kNothing, 12,                           \
    "the right of {provider} over {quantity} revives{under}{because}")                             \
  X(FALLBACK_STARTED, kRequest, kLineage, kNothing, kNothing, 9,                                   \
    "alternatives may be asked for {quantity}, {reason}")                                          \
  X(FALLBACK_EXHAUSTED, kRequest, kLineage, kNothing, kNothing, 16,                                \
    "no alternative is left for {quantity}")                                                       \
  X(BID_RECEIVED, kOffer, kLineage | kOffer, kNothing, kNothing, 11,                               \
    "{provider} bids {price} for {quantity}{contingent}")                                          \
  X(BID_DISQUALIFIED, kOffer, kLineage | kOffer, kOffer, kNothing, 11,                             \
    "the bid of {provider} does not qualify{because}{figures}")                                    \
  X(BEST_BID_SELECTED, kOffer, kLineage | kOffer, kOffer, kNothing, 9,                             \
    "the bid of {provider} wins {quantity} at {price}{because}")                                   \
  X(BID_LOST, kOffer, kLineage | kOffer, kOffer, kNothing, 9,                                      \
    "{provider} is told that it has lost{because}")                                                \
  X(MATCH_REQUIRED, kOffer, kLineage | kOffer | kClause, kNothing, kNothing, 10,                   \
    "what {provider} would get is offered to the holder first{under}, {reason}{figures}")          \
  X(MATCH_NOT_REQUIRED, kOffer, kLineage | kOffer | kClause, kNothing, kNothing, 10,               \
    "what {provider} would get need not be offered to the holder{under}, {reason}{figures}")       \
  X(MATCH_SKIPPED, kOffer, kLineage | kOffer | kClause, kNothing, kNothing, 17,                    \
    "no match of what {provider} would get{under}, {reason}")                                      \
  X(ALLOCATION_HELD, kAllocation, kLineage | kOffer, kNothing, kNothing, 14,                       \
    "{quantity} held with {provider}{confirm_by}")                                                 \
  X(ALLOCATION_CONFIRMED, kAllocation, kLineage | kOffer, kNothing, kNothing, 14,                  \
    "{quantity} confirmed with {provider}")                                                        \
  X(ALLOCATION_EXPIRED, kAllocation, kLineage | kOffer, kAllocation, kNothing, 14,                 \
    "{quantity} with {provider} not confirmed{because}")                                           \
  X(ALLOCATION_RELEASED, kAllocation, kLineage | kOffer, kAllocation, kNothing, 28,                \
    "{quantity} with {provider} released{because}")                                                \
  X(WITHDRAWAL_NOTICED, kAllocation, kLineage | kOffer, kNothing, kNothing, 15,                    \
    "{provider} will withdraw {quantity} at {takes_effect}{because}")                              \
  X(RELEASE_NOTICED, kAllocation, kLineage | kOffer, kNothing, kNothing, 28,                       \
    "the owner will release {quantity} of {provider} at {takes_effect}{because}")                  \
  X(ALLOCATION_WITHDRAWN, kAllocation, kLineage | kOffer, kAllocation, kNothing, 15,               \
    "{quantity} withdrawn by {provider}{because}")                                                 \
  X(COMMITMENT_RESERVED, kAllocation, kOffer | kClause, kNothing, kAccount, 21,                    \
    "{amount} reserved of the commitment{under}")                                                  \
  X(COMMITMENT_DRAWN, kAllocation, kOffer | kClause, kNothing, kAccount, 21,                       \
    "{amount} drawn of the commitment{under}")                                                     \
  X(COMMITMENT_RELEASED, kAllocation, kOffer | kClause, kNothing, kAccount, 21,                    \
    "{amount} no longer reserved of the commitment{under}")                                        \
  X(COMMITMENT_RESTORED, kAllocation, kOffer | kClause, kNothing, kAccount, 21,                    \
    "{amount} restored to the commitment{under}")                                                  \
  X(COMMITMENT_INCREASED, kAgreement, kClause, kNothing, kNothing, 21,                             \
    "{amount} added to the commitment{under}")                                                     \
  X(COMMITMENT_EXCEEDED, kAllocation, kOffer, kNothing, kNothing, 21,                              \
    "{amount} of the placement with {provider} is covered by no commitment")                       \
  X(AGREEMENT_ACTIVATED, kAgreement, kNothingElse, kNothing, kRights, 29, "{activated}")           \
  X(AGREEMENT_SUPERSEDED, kAgreement, kNothingElse, kNothing, kRights, 17,                         \
    "{version} ends at {end_time}, replaced by the next")                                          \
  X(CLAUSE_ENDED, kAgreement, kClause, kNothing, kRights, 17, "{clause} ends at {end_time}{because}") \
  X(AGREEMENT_TERMINATED, kAgreement, kNothingElse, kNothing, kRights, 17,                         \
    "{party} says that {version} ends at {takes_effect}{because}")                                 \
  X(WAIVER_GRANTED, kAgreement, kClause, kNothing, kRights, 20, "{provider} writes the waiver {clause}{granted}") \
  X(WAIVER_REVOKED, kAgreement, kClause, kNothing, kRights, 20, "{provider} revokes the waiver {clause}{because}") \
  X(TRIGGER_ASSERTED, kAgreement, kClause, kNothing, kRights, 18, "{party} asserts {clause}{because}{disputable}") \
  X(TRIGGER_DISPUTED, kAgreement, kClause, kNothing, kRights, 18, "{party} disputes {clause}{because}") \
  X(DISPUTE_RESOLVED, kAgreement, kClause, kNothing, kRights, 18, "the dispute over {clause} is settled{because}") \
  X(TRIGGER_ATTESTED, kAgreement, kClause, kNothing, kRights, 18, "{party} attests {clause}{figures}") \
  X(TRIGGER_REJECTED, kAgreement, kClause, kNothing, kRights, 18, "{clause} is rejected{because}{figures}") \
  X(TRIGGER_WITHDRAWN, kAgreement, kClause, kNothing, kRights, 18, "{party} withdraws the assertion of {clause}{because}") \
  X(TRIGGER_EFFECTIVE, kAgreement, kClause, kNothing, kRights, 18, "{clause} takes effect{figures}") \
  X(PROVIDER_REGISTERED, kProvider, kNothingElse, kNothing, kNothing, 29, "{provider} is registered") \
  X(PROVIDER_UPDATED, kProvider, kNothingElse, kNothing, kNothing, 29, "the record of {provider} is updated") \
  X(PROVIDER_SUSPENDED, kProvider, kNothingElse, kNothing, kNothing, 9, "{provider} is suspended{because}") \
  X(PROVIDER_RESUMED, kProvider, kNothingElse, kNothing, kNothing, 9, "{provider} is active again{because}") \
  X(PROVIDER_TRIPPED, kProvider, kNothingElse, kNothing, kNothing, 23,                             \
    "{provider} is unhealthy, and only probed{because}")                                           \
  X(PROVIDER_HEALED, kProvider, kNothingElse, kNothing, kNothing, 23, "{provider} is healthy again{because}") \
  X(RECOVERY_RESUMED, kBroker, kNothingElse, kNothing, kNothing, 22,                               \
    "the broker resumes after {downtime} with {quantity} unfinished requests")
// clang-format on
enum class Kind {
#define X(name, subject, named, ends, touches, rule, sentence) name,
  CAPBROKER_KINDS(X)
#undef X
};
template <>
struct Names<Kind> {
#define X(name, subject, named, ends, touches, rule, sentence) #name,
  static constexpr auto values = std::to_array<std::string_view>({CAPBROKER_KINDS(X)});
#undef X
};

struct KindRow {
  Subject subject;
  uint8_t named;  // Of names::Bits.
  Ends ends;
  Touches touches;
  int rule;
  std::string_view sentence;
};

inline constexpr auto kKindRows = [] {
  using namespace names;
  return std::to_array<KindRow>({
#define X(name, subject, named, ends, touches, rule, sentence) \
  {Subject::subject, named, Ends::ends, Touches::touches, rule, sentence},
      CAPBROKER_KINDS(X)
#undef X
  });
}();
constexpr const KindRow& RowOf(Kind kind) { return kKindRows[static_cast<size_t>(kind)]; }

}  // namespace capbroker
