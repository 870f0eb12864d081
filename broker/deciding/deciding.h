// What Decide is made of: one overload per command, in files by subject (decide_request.cc,
// decide_amendment.cc, decide_answer.cc, decide_offer.cc, decide_allocation.cc,
// decide_agreement.cc, decide_trigger.cc, decide_provider.cc).
#pragma once

#include "broker/deciding/decide.h"

namespace capbroker {

struct Deciding {
  const Book& book;
  const Directory& directory;
  const Actor& actor;
  const Instant now;

  absl::StatusOr<Verdict> On(const CreateRequest& create) const;
  absl::StatusOr<Verdict> On(const CancelRequest& cancel) const;
  absl::StatusOr<Verdict> On(const ReachDeadline& deadline) const;
  absl::StatusOr<Verdict> On(const Resume& resume) const;

  absl::StatusOr<Verdict> On(const AmendRequest& amend) const;

  absl::StatusOr<Verdict> On(const AcceptOffer& accept) const;
  absl::StatusOr<Verdict> On(const DeclineOffer& decline) const;
  absl::StatusOr<Verdict> On(const CounterOffer& counter) const;
  absl::StatusOr<Verdict> On(const AnswerCounter& answer) const;
  absl::StatusOr<Verdict> On(const SubmitBid& bid) const;

  absl::StatusOr<Verdict> On(const ExtendOffer& extend) const;
  absl::StatusOr<Verdict> On(const TollOffer& toll) const;
  absl::StatusOr<Verdict> On(const VoidOffer& end) const;
  absl::StatusOr<Verdict> On(const RecordNotice& notice) const;

  absl::StatusOr<Verdict> On(const ConfirmAllocation& confirm) const;
  absl::StatusOr<Verdict> On(const WithdrawAllocation& withdraw) const;
  absl::StatusOr<Verdict> On(const ReleaseAllocation& release) const;

  absl::StatusOr<Verdict> On(const ActivateAgreement& activate) const;
  absl::StatusOr<Verdict> On(const TerminateAgreement& terminate) const;
  absl::StatusOr<Verdict> On(const GrantWaiver& grant) const;
  absl::StatusOr<Verdict> On(const RevokeWaiver& revoke) const;

  absl::StatusOr<Verdict> On(const AssertTrigger& assertion) const;
  absl::StatusOr<Verdict> On(const DisputeTrigger& dispute) const;
  absl::StatusOr<Verdict> On(const ResolveDispute& resolve) const;
  absl::StatusOr<Verdict> On(const AttestTrigger& attest) const;
  absl::StatusOr<Verdict> On(const WithdrawTrigger& withdraw) const;

  absl::StatusOr<Verdict> On(const RegisterProvider& add) const;
  absl::StatusOr<Verdict> On(const UpdateProvider& update) const;
  absl::StatusOr<Verdict> On(const SuspendProvider& suspend) const;
  absl::StatusOr<Verdict> On(const ResumeProvider& resume) const;
  absl::StatusOr<Verdict> On(const ReportHealth& report) const;

  // PERMISSION_DENIED unless the actor has this role, and an owner acts on its own book.
  absl::Status CheckActor(Role role) const;
  absl::StatusOr<const RequestBook*> FindRequest(const RequestId& id) const;
  absl::Status NoOffer(const RequestId& request, uint32_t offer) const;
  // The offer, if it is the actor's own; NOT_FOUND otherwise.
  absl::StatusOr<const Offer*> FindOwnOffer(const RequestId& request, uint32_t offer) const;
  // What a party is told that answers an offer which is no longer open.
  absl::Status Closed(const Offer& offer, RequestState state) const;
  Verdict Reject(const RequestBook& request, const Offer& offer) const;
  absl::StatusOr<Verdict> AcceptLate(const RequestBook& request, const Offer& offer,
                                     int64_t quantity) const;
  absl::StatusOr<Verdict> ReceiveBid(const RequestBook& request, const Offer& offer, Terms terms,
                                     std::string contingent) const;
  // The version in force of an agreement that the actor holds; null if there is none.
  const AgreementVersion* FindHeld(const AgreementId& agreement) const;
  // What time has brought to an account by now (dues.h): clauses that end, triggers that take
  // effect or are rejected, each with what follows from it.
  std::vector<Decision> AccountDues(const Account& account) const;
  std::vector<Decision> AccountDues() const { return AccountDues(book.account); }
};

}  // namespace capbroker
