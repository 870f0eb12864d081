// What becomes of allocations: confirmed or withdrawn by their provider, given back by their owner.
#include <utility>

#include "broker/deciding/deciding.h"
#include "broker/deciding/rounds.h"
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
                Cat("allocation ", offer.number, " is ", NameOf(offer.allocation), ", want ",
                    NameOf(want), advice),
                {{"state", std::string(NameOf(offer.allocation))}});
}

}  // namespace

// R14.
absl::StatusOr<Verdict> Deciding::On(const ConfirmAllocation& confirm) const {
  const absl::StatusOr<const Offer*> found = FindOwnOffer(confirm.request, confirm.offer);
  if (!found.ok()) return found.status();
  const Offer& offer = **found;
  if (offer.allocation == AllocationState::kNone)
    return NoAllocation(confirm.request, confirm.offer);
  if (offer.allocation == AllocationState::kConfirmed) return Verdict{};
  if (offer.allocation != AllocationState::kHeld)
    return NotIn(offer, AllocationState::kHeld, "ALLOCATION_NOT_HELD", "");
  if (offer.confirm_by.IsSet() && now > offer.confirm_by) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "LATE_ANSWER",
                  Cat("allocation ", offer.number, " could be confirmed until ",
                      Format(offer.confirm_by), "; it is ", Format(now)),
                  {{"deadline", Format(offer.confirm_by)}, {"server_time", Format(now)}});
  }
  Rounds rounds(book, directory, book.Find(confirm.request), now);
  rounds.ConfirmHold(offer.number);
  rounds.Advance();
  return rounds.Conclude();
}

// R15.
absl::StatusOr<Verdict> Deciding::On(const WithdrawAllocation& withdraw) const {
  const absl::StatusOr<const Offer*> found = FindOwnOffer(withdraw.request, withdraw.offer);
  if (!found.ok()) return found.status();
  const Offer& offer = **found;
  const RequestBook* request = book.Find(withdraw.request);
  if (offer.allocation == AllocationState::kNone)
    return NoAllocation(withdraw.request, withdraw.offer);
  if (offer.allocation == AllocationState::kWithdrawn || offer.withdraws.IsSet()) return Verdict{};
  if (!IsStanding(offer.allocation))
    return NotIn(offer, AllocationState::kConfirmed, "ALLOCATION_NOT_CONFIRMED", "");
  if (absl::Status status = CheckText("text", withdraw.text); !status.ok()) return status;
  Rounds rounds(book, directory, request, now);
  if (offer.allocation == AllocationState::kHeld) {  // As a decline.
    rounds.WithdrawHold(offer.number, withdraw.text);
    rounds.Advance();
    return rounds.Conclude();
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
  Decision noticed = Rounds::About(Kind::WITHDRAWAL_NOTICED, offer);
  noticed.clause = offer.clause;
  noticed.quantity = offer.accepted;
  noticed.until = now + notice;
  noticed.text = withdraw.text;
  rounds.Add(std::move(noticed));
  return rounds.Conclude();
}

// R21: what was drawn for time not yet used is restored.
absl::StatusOr<Verdict> Deciding::On(const ReleaseAllocation& release) const {
  if (absl::Status status = CheckActor(Role::kOwner); !status.ok()) return status;
  const absl::StatusOr<const RequestBook*> found = FindRequest(release.request);
  if (!found.ok()) return found.status();
  const Offer* offer = (*found)->Find(release.offer);
  if (offer == nullptr || offer->allocation == AllocationState::kNone)
    return NoAllocation(release.request, release.offer);
  if (offer->allocation == AllocationState::kReleased) return Verdict{};
  if (offer->allocation != AllocationState::kConfirmed) {
    return NotIn(*offer, AllocationState::kConfirmed, "ALLOCATION_NOT_CONFIRMED",
                 "; cancel the request to give up what is held");
  }
  Rounds rounds(book, directory, *found, now);
  rounds.GiveUp(Kind::ALLOCATION_RELEASED, *offer, "OWNER", release.text);
  if (!IsFinished((*found)->state)) rounds.Advance();
  return rounds.Conclude();
}

}  // namespace capbroker
