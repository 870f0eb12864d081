// What happens to an open offer besides its answer: more time, its end by an operator, the notices
// that were tried.
#include <algorithm>
#include <utility>

#include "broker/deciding/deciding.h"
#include "broker/deciding/request_draft.h"
#include "broker/deciding/validate.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {

// R3: the owner may lengthen a deadline, never shorten it.
absl::StatusOr<Verdict> Deciding::On(const ExtendOffer& extend) const {
  if (absl::Status status = CheckActor(Role::kOwner); !status.ok()) return status;
  const absl::StatusOr<const RequestBook*> request = FindRequest(extend.request);
  if (!request.ok()) return request.status();
  const Offer* offer = (*request)->Find(extend.offer);
  if (offer == nullptr) return NoOffer(extend.request, extend.offer);
  if (offer->state != OfferState::kOpen || now > offer->deadline)
    return Closed(*offer, (*request)->state);
  if (extend.deadline == offer->deadline) return Verdict{};
  if (const Instant latest = std::max((*request)->request->expiry, offer->deadline);
      extend.deadline < offer->deadline || extend.deadline > latest) {
    return Invalid("deadline", Format(extend.deadline),
                   Cat("a time from ", Format(offer->deadline), ", the deadline, to ",
                       Format(latest), ", the request's expire_time"));
  }
  Decision extended = RequestDraft::About(Kind::DEADLINE_EXTENDED, *offer);
  extended.deadline = extend.deadline;
  return Verdict{{std::move(extended)}, {}};
}

// An operator adds time to an open offer, for a reason.
absl::StatusOr<Verdict> Deciding::On(const TollOffer& toll) const {
  if (absl::Status status = CheckActor(Role::kOperator); !status.ok()) return status;
  const absl::StatusOr<const RequestBook*> request = FindRequest(toll.request);
  if (!request.ok()) return request.status();
  const Offer* offer = (*request)->Find(toll.offer);
  if (offer == nullptr) return NoOffer(toll.request, toll.offer);
  if (offer->state != OfferState::kOpen || now > offer->deadline)
    return Closed(*offer, (*request)->state);
  if (toll.added <= Span{} || toll.added > kLongestSpan) {
    return Invalid("added", Format(toll.added),
                   "a duration over zero: time is added, never removed");
  }
  if (toll.added >= kLastInstant - offer->deadline) {
    return Invalid(
        "added", Format(toll.added),
        Cat("a deadline before ", Format(kLastInstant), ", from ", Format(offer->deadline)));
  }
  if (absl::Status status = CheckReason(toll.text); !status.ok()) return status;
  Decision tolled = RequestDraft::About(Kind::DEADLINE_TOLLED, *offer);
  tolled.clause = offer->clause;
  tolled.deadline = offer->deadline + toll.added;
  tolled.reason = "OPERATOR";
  tolled.text = toll.text;
  return Verdict{{std::move(tolled)}, {}};
}

// An operator ends an offer that should not have gone out like this; what it asked is asked anew.
absl::StatusOr<Verdict> Deciding::On(const VoidOffer& end) const {
  if (absl::Status status = CheckActor(Role::kOperator); !status.ok()) return status;
  const absl::StatusOr<const RequestBook*> request = FindRequest(end.request);
  if (!request.ok()) return request.status();
  const Offer* offer = (*request)->Find(end.offer);
  if (offer == nullptr) return NoOffer(end.request, end.offer);
  if (offer->state == OfferState::kVoided) return Verdict{};
  if (offer->state != OfferState::kOpen) return Closed(*offer, (*request)->state);
  if (absl::Status status = CheckReason(end.text); !status.ok()) return status;
  RequestDraft draft(book, directory, *request, now);
  Decision voided = RequestDraft::About(Kind::OFFER_VOIDED, *offer);
  voided.clause = offer->clause;
  voided.reason = "OPERATOR";
  voided.text = end.text;
  draft.Add(std::move(voided));
  draft.Advance();
  return draft.Conclude();
}

// R2: the clock does not wait for it.
absl::StatusOr<Verdict> Deciding::On(const RecordNotice& notice) const {
  if (absl::Status status = CheckActor(Role::kBroker); !status.ok()) return status;
  const absl::StatusOr<const RequestBook*> request = FindRequest(notice.request);
  if (!request.ok()) return request.status();
  const Offer* offer = (*request)->Find(notice.offer);
  if (offer == nullptr) return NoOffer(notice.request, notice.offer);
  if (notice.outcome.empty()) return Invalid("outcome", "nothing", "DELIVERED, or why it was not");
  if (absl::Status status = CheckText("text", notice.text); !status.ok()) return status;
  Decision attempted = RequestDraft::About(Kind::NOTICE_ATTEMPTED, *offer);
  attempted.reason = notice.outcome;
  attempted.text = notice.text;
  return Verdict{{std::move(attempted)}, {}};
}

}  // namespace capbroker
