// What becomes of allocations: confirmed or withdrawn by their provider, given back by their owner.
#include <utility>

#include "broker/deciding/deciding.h"
#include "broker/deciding/request_draft.h"
#include "broker/deciding/validate.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

absl::Status NoAllocation(const RequestId& request, uint32_t offer) {
  return Refuse(absl::StatusCode::kNotFound, "NOT_FOUND",
                Cat("no allocation ", offer, " of request ", Format(request)));
}

absl::Status NotIn(const Offer& offer, AllocationState want, std::string_view reason,
                   std::string_view advice) {
  return Refuse(absl::StatusCode::kFailedPrecondition, reason,
                Cat("allocation ", offer.number, " is ", NameOf(offer.allocation.state), ", want ",
                    NameOf(want), advice),
                {{"state", std::string(NameOf(offer.allocation.state))}});
}

}  // namespace

// R14.
absl::StatusOr<Verdict> Deciding::On(const ConfirmAllocation& confirm) const {
  const absl::StatusOr<const Offer*> found = FindOwnOffer(confirm.request, confirm.offer);
  if (!found.ok()) return found.status();
  const Offer& offer = **found;
  if (offer.allocation.state == AllocationState::kNone)
    return NoAllocation(confirm.request, confirm.offer);
  if (offer.allocation.state == AllocationState::kConfirmed) return Verdict{};
  if (offer.allocation.state != AllocationState::kHeld)
    return NotIn(offer, AllocationState::kHeld, "ALLOCATION_NOT_HELD", "");
  if (offer.allocation.confirm_by.IsSet() && now > offer.allocation.confirm_by) {
    return Refuse(
        absl::StatusCode::kFailedPrecondition, "LATE_ANSWER",
        Cat("allocation ", offer.number, " could be confirmed until ",
            Format(offer.allocation.confirm_by), "; it is ", Format(now)),
        {{"deadline", Format(offer.allocation.confirm_by)}, {"server_time", Format(now)}});
  }
  RequestDraft draft(book, directory, book.Find(confirm.request), now);
  draft.ConfirmHold(offer.number);
  draft.Advance();
  return draft.Conclude();
}

// R15.
absl::StatusOr<Verdict> Deciding::On(const WithdrawAllocation& withdraw) const {
  const absl::StatusOr<const Offer*> found = FindOwnOffer(withdraw.request, withdraw.offer);
  if (!found.ok()) return found.status();
  const Offer& offer = **found;
  const RequestBook* request = book.Find(withdraw.request);
  if (offer.allocation.state == AllocationState::kNone)
    return NoAllocation(withdraw.request, withdraw.offer);
  if (offer.allocation.state == AllocationState::kWithdrawn ||
      offer.allocation.notice == Allocation::Notice::kWithdrawal)
    return Verdict{};
  if (!offer.allocation.IsStanding())
    return NotIn(offer, AllocationState::kConfirmed, "ALLOCATION_NOT_CONFIRMED", "");
  if (absl::Status status = CheckText("text", withdraw.text); !status.ok()) return status;
  RequestDraft draft(book, directory, request, now);
  if (offer.allocation.state == AllocationState::kHeld) {  // As a decline.
    draft.WithdrawHold(offer.number, withdraw.text);
    draft.Advance();
    return draft.Conclude();
  }
  const Span notice = offer.clause.IsSet()
                          ? AskingOf(*book.account.Find(offer.clause))->withdraw_notice
                          : request->VersionOf(offer).fallback.withdraw_notice;
  if (notice == Span{} || now >= AgreedTermsOf(*request, offer).end) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "WITHDRAWAL_NOT_ALLOWED",
                  Cat("allocation ", offer.number, " is confirmed",
                      notice == Span{} ? ", and what governs it allows no withdrawal"
                                       : " and its term is over"));
  }
  // A release that was noticed before, and ends it sooner, stands.
  if (offer.allocation.ends.IsSet() && now + notice >= offer.allocation.ends) return Verdict{};
  Decision noticed = RequestDraft::About(Kind::WITHDRAWAL_NOTICED, offer);
  noticed.clause = offer.clause;
  noticed.quantity = offer.allocation.quantity;
  noticed.takes_effect = now + notice;
  noticed.text = withdraw.text;
  draft.Add(std::move(noticed));
  return draft.Conclude();
}

// R28: under the release terms of what governs it. R21: of what was drawn for time not yet used,
// the share is restored that they name.
absl::StatusOr<Verdict> Deciding::On(const ReleaseAllocation& release) const {
  if (absl::Status status = CheckActor(Role::kOwner); !status.ok()) return status;
  const absl::StatusOr<const RequestBook*> found = FindRequest(release.request);
  if (!found.ok()) return found.status();
  const Offer* offer = (*found)->Find(release.offer);
  if (offer == nullptr || offer->allocation.state == AllocationState::kNone)
    return NoAllocation(release.request, release.offer);
  if (offer->allocation.state == AllocationState::kReleased ||
      offer->allocation.notice == Allocation::Notice::kRelease)
    return Verdict{};
  if (offer->allocation.state != AllocationState::kConfirmed) {
    return NotIn(*offer, AllocationState::kConfirmed, "ALLOCATION_NOT_CONFIRMED",
                 "; cancel the request to give up what is held");
  }
  if (absl::Status status = CheckText("text", release.text); !status.ok()) return status;
  RequestDraft draft(book, directory, *found, now);
  const Span notice = offer->clause.IsSet()
                          ? AskingOf(*book.account.Find(offer->clause))->release_notice
                          : (*found)->VersionOf(*offer).fallback.release_notice;
  // A withdrawal that was noticed before, and ends it sooner, stands.
  const bool is_later = offer->allocation.ends.IsSet() && now + notice >= offer->allocation.ends;
  if (notice == Span{}) {
    draft.GiveUp(Kind::ALLOCATION_RELEASED, offer->number, "OWNER", release.text);
    if (!IsFinished((*found)->state)) draft.Advance();
  } else if (!is_later) {
    Decision noticed = RequestDraft::About(Kind::RELEASE_NOTICED, *offer);
    noticed.clause = offer->clause;
    noticed.quantity = offer->allocation.quantity;
    noticed.takes_effect = now + notice;
    noticed.text = release.text;
    draft.Add(std::move(noticed));
  }
  return draft.Conclude();
}

}  // namespace capbroker
