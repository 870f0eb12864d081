// What can be asked of the broker: each command carries all that Decide needs besides the book.
#pragma once

#include <variant>

#include "broker/agreements/agreement.h"
#include "broker/trail/decision.h"
#include "broker/values/ids.h"
#include "broker/values/provider.h"
#include "broker/values/request.h"

namespace capbroker {

// By the owner. The request has its id.
struct CreateRequest {
  Request request{};
};
// By the owner.
struct CancelRequest {
  RequestId request{};
  std::string text{};
};
// By the owner: the next version, whole. `next.version` 0: whichever is next (R13).
struct AmendRequest {
  RequestId request{};
  Request next{};
};
// By the owner: takes the holder's counter, or leaves it (R7).
struct AnswerCounter {
  RequestId request{};
  uint32_t offer = 0;
  bool take = false;
};
// By the offer's addressee.
struct AcceptOffer {
  RequestId request{};
  uint32_t offer = 0;
  Hash terms_hash{};
  int64_t quantity = 0;  // 0: all of it.
};
struct DeclineOffer {
  RequestId request{};
  uint32_t offer = 0;
  DeclineReason reason = DeclineReason::kOther;
  std::string text{};
  Span cool_down{};
};
// By a rights-holder that its clause lets counter (R7). `terms` are whole; their quantity may be a
// part.
struct CounterOffer {
  RequestId request{};
  uint32_t offer = 0;
  Terms terms{};
};
// By the addressee of a sealed offer; a later bid takes the place of an earlier one (R9, R11).
struct SubmitBid {
  RequestId request{};
  uint32_t offer = 0;
  Terms terms{};
  std::string contingent{};  // On what, in words; empty: firm.
};
// By the provider whose allocation it is (R14).
struct ConfirmAllocation {
  RequestId request{};
  uint32_t offer = 0;
};
// By the provider whose allocation it is (R15).
struct WithdrawAllocation {
  RequestId request{};
  uint32_t offer = 0;
  std::string text{};
};
// By the broker: an offer was brought to its provider's door, or not (R2). Evidence only.
struct RecordNotice {
  RequestId request{};
  uint32_t offer = 0;
  std::string outcome{};  // A code: DELIVERED, or why not ("UNAVAILABLE").
  std::string text{};     // By which way, and what was said.
};
// By an operator, with a reason in words: adds time to an open offer, or ends it and asks anew.
struct TollOffer {
  RequestId request{};
  uint32_t offer = 0;
  Span added{};
  std::string text{};
};
struct VoidOffer {
  RequestId request{};
  uint32_t offer = 0;
  std::string text{};
};
// By the owner: never earlier than the deadline it has.
struct ExtendOffer {
  RequestId request{};
  uint32_t offer = 0;
  Instant deadline{};
};
// By the owner: gives capacity back.
struct ReleaseAllocation {
  RequestId request{};
  uint32_t offer = 0;
  std::string text{};
};
// By the broker, once the earliest entry of Book::deadlines has passed. Unset: the account's.
struct ReachDeadline {
  RequestId request{};
};
// By the broker, once an owner after it has been away; then once for each of RequestsToToll (R22).
struct Resume {
  RequestId request{};  // Unset: the owner's whole book.
  Instant down_since{};
  Span toll_over{};  // The deployment's threshold, where no clause governs; zero: never.
};
// By an operator: the first version of an agreement, or the next one.
struct ActivateAgreement {
  AgreementVersion version{};  // `version` 0: whichever is next.
};
// R17. By the owner or the holder of the agreement: it ends once both have said so, at the later of
// their dates.
struct TerminateAgreement {
  AgreementId agreement{};
  uint32_t version = 0;  // 0: every version, and with them the agreement.
  Instant end_time{};    // Not in the past.
  std::string text{};
};
// By the holder of the agreement. `version` of the grant is filled in.
struct GrantWaiver {
  Grant grant{};
};
struct RevokeWaiver {
  AgreementId agreement{};
  ClauseId waiver{};
  std::string text{};
};
// R18. By the owner, the holder or a named attester.
struct AssertTrigger {
  AgreementId agreement{};
  ClauseId trigger{};
  std::string text{};
  Hash evidence{};  // SHA-256 of what shows it; zeros: none is named.
};
// By the owner or the holder, inside the dispute window.
struct DisputeTrigger {
  AgreementId agreement{};
  ClauseId trigger{};
  std::string text{};
};
// By one of the clause's resolvers or, where it names none, an operator, who records how the
// dispute was settled between the parties.
struct ResolveDispute {
  AgreementId agreement{};
  ClauseId trigger{};
  bool upheld = false;  // The trigger is rejected; else it goes on.
  std::string text{};
};
// By a named attester, once.
struct AttestTrigger {
  AgreementId agreement{};
  ClauseId trigger{};
  Money measure{};  // Unset where the clause has no threshold.
  std::string text{};
};
// By whoever asserted it, before it is effective.
struct WithdrawTrigger {
  AgreementId agreement{};
  ClauseId trigger{};
  std::string text{};
};
// By an operator, on kDirectory's book.
struct RegisterProvider {
  Provider provider{};
};
struct UpdateProvider {
  Provider provider{};
};
struct SuspendProvider {
  ProviderId provider{};
  std::string text{};
};
struct ResumeProvider {
  ProviderId provider{};
  std::string text{};
};

// By an operator, or the broker: the provider's breaker opens or closes (R23).
struct ReportHealth {
  ProviderId provider{};
  bool healthy = false;
  std::string text{};
};

struct Command {
  OwnerId owner{};  // Whose book it goes to.
  Actor actor{};
  std::variant<CreateRequest, AmendRequest, CancelRequest, AnswerCounter, AcceptOffer, DeclineOffer,
               CounterOffer, SubmitBid, ConfirmAllocation, WithdrawAllocation, RecordNotice,
               ExtendOffer, TollOffer, VoidOffer, ReleaseAllocation, ReachDeadline, Resume,
               ActivateAgreement, TerminateAgreement, GrantWaiver, RevokeWaiver, AssertTrigger,
               DisputeTrigger, ResolveDispute, AttestTrigger, WithdrawTrigger, RegisterProvider,
               UpdateProvider, SuspendProvider, ResumeProvider, ReportHealth>
      what;
};

// The request that must be in the book before this command is decided; unset if none (a new one has
// none yet).
RequestId Subject(const Command& command);

}  // namespace capbroker
