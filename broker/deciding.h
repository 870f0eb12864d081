// What Decide is made of: one overload per command, in files by subject (decide_request.cc, decide_offer.cc,
// decide_agreement.cc, decide_provider.cc).
#pragma once

#include "broker/decide.h"

namespace capbroker {

struct Deciding {
  const Book& book;
  const Directory& directory;
  const Actor& actor;
  const Instant now;

  absl::StatusOr<Verdict> On(const CreateRequest& create) const;
  absl::StatusOr<Verdict> On(const CancelRequest& cancel) const;
  absl::StatusOr<Verdict> On(const ReleaseAllocation& release) const;
  absl::StatusOr<Verdict> On(const ReachDeadline& deadline) const;
  absl::StatusOr<Verdict> On(const Resume& resume) const;

  absl::StatusOr<Verdict> On(const AcceptOffer& accept) const;
  absl::StatusOr<Verdict> On(const DeclineOffer& decline) const;
  absl::StatusOr<Verdict> On(const ExtendOffer& extend) const;

  absl::StatusOr<Verdict> On(const ActivateAgreement& activate) const;

  absl::StatusOr<Verdict> On(const RegisterProvider& add) const;
  absl::StatusOr<Verdict> On(const UpdateProvider& update) const;
  absl::StatusOr<Verdict> On(const SuspendProvider& suspend) const;
  absl::StatusOr<Verdict> On(const ResumeProvider& resume) const;

  // PERMISSION_DENIED unless the actor has this role, and an owner acts on its own book.
  absl::Status CheckActor(Role role) const;
  absl::StatusOr<const RequestBook*> FindRequest(const RequestId& id) const;
  absl::Status NoOffer(const RequestId& request, uint32_t offer) const;
};

}  // namespace capbroker
