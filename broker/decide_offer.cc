// Answers to offers, and their deadlines.
#include <utility>

#include "broker/deciding.h"
#include "broker/refusal.h"
#include "broker/rounds.h"
#include "broker/text.h"

namespace capbroker {
namespace {

constexpr Span kLongestCoolDown = Hours(24 * 30);
constexpr size_t kLongestText = 1024;

// What a party is told that answers an offer which is no longer open (R26, R28).
absl::Status Closed(const Offer& offer, RequestState state, Instant now) {
  Facts facts = {{"offer_state", std::string(NameOf(offer.state))},
                 {"request_state", std::string(NameOf(state))},
                 {"deadline", Format(offer.deadline)},
                 {"server_time", Format(now)}};
  if (offer.state == OfferState::kOpen || offer.state == OfferState::kLapsed) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "LATE_ANSWER",
                  Cat("offer ", offer.number, " could be answered until ", Format(offer.deadline), "; it is ",
                      Format(now)),
                  std::move(facts));
  }
  const bool raced = offer.state == OfferState::kRescinded;
  return Refuse(raced ? absl::StatusCode::kAborted : absl::StatusCode::kFailedPrecondition,
                raced ? "OFFER_RESCINDED" : "OFFER_CLOSED",
                Cat("offer ", offer.number, " is ", NameOf(offer.state), " since ", Format(offer.answered)),
                std::move(facts));
}

// Refuses an answer to a closed offer. The first refusal of one that its provider did not end itself is
// recorded.
Verdict Reject(const RequestBook& request, const Offer& offer, Instant now) {
  Verdict verdict{{}, Closed(offer, request.state, now)};
  const bool by_others = offer.state == OfferState::kLapsed || offer.state == OfferState::kRescinded ||
                         offer.state == OfferState::kSuperseded || offer.state == OfferState::kVoided;
  if (by_others && !offer.rejection_recorded) {
    Decision rejected{.kind = Kind::RESPONSE_REJECTED};
    rejected.lineage = offer.lineage;
    rejected.offer = offer.number;
    rejected.provider = offer.provider;
    rejected.deadline = offer.deadline;
    rejected.reason = ReasonOf(verdict.refusal);
    verdict.decisions.push_back(std::move(rejected));
  }
  return verdict;
}

// R6: min <= q < quantity, in steps, or all of it.
absl::Status CheckQuantity(const Offer& offer, int64_t quantity) {
  if (quantity == offer.quantity) return absl::OkStatus();
  if (offer.min_quantity == 0) {
    return Invalid("quantity", Cat(quantity),
                   Cat(offer.quantity, ": this offer is taken whole or not at all"));
  }
  if (quantity < offer.min_quantity || quantity > offer.quantity) {
    return Invalid("quantity", Cat(quantity), Cat(offer.min_quantity, " to ", offer.quantity));
  }
  if (quantity % offer.quantity_step == 0) return absl::OkStatus();
  return Invalid("quantity", Cat(quantity),
                 Cat("a multiple of ", offer.quantity_step, ", or all ", offer.quantity));
}

}  // namespace

absl::StatusOr<Verdict> Deciding::On(const AcceptOffer& accept) const {
  if (absl::Status status = CheckActor(Role::kProvider); !status.ok()) return status;
  const RequestBook* request = book.Find(accept.request);
  const Offer* found = request == nullptr ? nullptr : request->Find(accept.offer);
  if (found == nullptr || found->provider.value != actor.name) return NoOffer(accept.request, accept.offer);
  const Offer& offer = *found;
  if (offer.state != OfferState::kOpen || now > offer.deadline) return Reject(*request, offer, now);
  if (accept.terms_hash != offer.terms_hash) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "TERMS_MISMATCH",
                  Cat("terms_hash: got ", Hex(accept.terms_hash), ", want ", Hex(offer.terms_hash)),
                  {{"got", Hex(accept.terms_hash)}, {"want", Hex(offer.terms_hash)}});
  }
  const int64_t quantity = accept.quantity == 0 ? offer.quantity : accept.quantity;
  if (absl::Status status = CheckQuantity(offer, quantity); !status.ok()) return status;

  Rounds rounds(book, directory, request, now);
  const bool whole = quantity == offer.quantity;
  Decision accepted{.kind = whole ? Kind::OFFER_ACCEPTED : Kind::OFFER_PARTIALLY_ACCEPTED};
  accepted.lineage = offer.lineage;
  accepted.offer = offer.number;
  accepted.provider = offer.provider;
  accepted.quantity = quantity;
  accepted.terms_hash = offer.terms_hash;
  rounds.Add(std::move(accepted));
  rounds.Hold(offer.number, quantity);
  rounds.EndRight(offer.number, "REMAINDER");
  rounds.Advance();
  return Verdict{rounds.Take(), {}};
}

absl::StatusOr<Verdict> Deciding::On(const DeclineOffer& decline) const {
  if (absl::Status status = CheckActor(Role::kProvider); !status.ok()) return status;
  const RequestBook* request = book.Find(decline.request);
  const Offer* found = request == nullptr ? nullptr : request->Find(decline.offer);
  if (found == nullptr || found->provider.value != actor.name) return NoOffer(decline.request, decline.offer);
  const Offer& offer = *found;
  if (offer.state != OfferState::kOpen || now > offer.deadline) return Reject(*request, offer, now);
  if (decline.reason == DeclineReason::kNone) return Invalid("decline.reason", "none", "one of the reasons");
  if (decline.cool_down < Span{} || decline.cool_down > kLongestCoolDown) {
    return Invalid("decline.cool_down", Format(decline.cool_down), Cat("0s to ", Format(kLongestCoolDown)));
  }
  if (decline.text.size() > kLongestText) {
    return Invalid("decline.text", Cat(decline.text.size(), " bytes"),
                   Cat("at most ", kLongestText, " bytes"));
  }
  Rounds rounds(book, directory, request, now);
  Decision declined{.kind = Kind::OFFER_DECLINED};
  declined.lineage = offer.lineage;
  declined.offer = offer.number;
  declined.provider = offer.provider;
  declined.decline = decline.reason;
  declined.text = decline.text;
  if (decline.cool_down > Span{}) {  // R8.
    const Terms& terms = request->request->terms;
    declined.cool_down = {offer.provider, terms.region, terms.resource_type, now + decline.cool_down};
  }
  rounds.Add(std::move(declined));
  rounds.EndRight(offer.number, "DECLINED");
  rounds.Advance();
  return Verdict{rounds.Take(), {}};
}

// R3: the owner may lengthen a deadline, never shorten it.
absl::StatusOr<Verdict> Deciding::On(const ExtendOffer& extend) const {
  if (absl::Status status = CheckActor(Role::kOwner); !status.ok()) return status;
  const absl::StatusOr<const RequestBook*> request = FindRequest(extend.request);
  if (!request.ok()) return request.status();
  const Offer* offer = (*request)->Find(extend.offer);
  if (offer == nullptr) return NoOffer(extend.request, extend.offer);
  if (offer->state != OfferState::kOpen || now > offer->deadline)
    return Closed(*offer, (*request)->state, now);
  if (extend.deadline == offer->deadline) return Verdict{};
  if (const Instant expiry = (*request)->request->expiry;
      extend.deadline < offer->deadline || extend.deadline > expiry) {
    return Invalid("deadline", Format(extend.deadline),
                   Cat("a time from ", Format(offer->deadline), ", the deadline, to ", Format(expiry),
                       ", the request's expire_time"));
  }
  Decision extended{.kind = Kind::DEADLINE_EXTENDED};
  extended.lineage = offer->lineage;
  extended.offer = offer->number;
  extended.provider = offer->provider;
  extended.deadline = extend.deadline;
  return Verdict{{std::move(extended)}, {}};
}

}  // namespace capbroker
