// What providers answer to offers, and what owners answer to counters.
#include <utility>

#include "broker/deciding/deciding.h"
#include "broker/deciding/request_draft.h"
#include "broker/deciding/validate.h"
#include "broker/routing/fallback.h"
#include "broker/trail/canonical.h"
#include "broker/values/calendar.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

constexpr Span kLongestCoolDown = Hours(24 * 30);

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

// R26, R28: the present state, and the true reason.
absl::Status Deciding::Closed(const Offer& offer, RequestState state) const {
  Facts facts = {{"offer_state", std::string(NameOf(offer.state))},
                 {"request_state", std::string(NameOf(state))},
                 {"deadline", Format(offer.deadline)},
                 {"server_time", Format(now)}};
  const bool raced = offer.state == OfferState::kRescinded && now <= offer.deadline;
  if (offer.state == OfferState::kOpen || offer.state == OfferState::kLapsed ||
      (offer.state == OfferState::kRescinded && !raced)) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "LATE_ANSWER",
                  Cat("offer ", offer.number, " could be answered until ", Format(offer.deadline),
                      "; it is ", Format(now)),
                  std::move(facts));
  }
  if (offer.state == OfferState::kSuperseded && offer.successor != 0) {
    facts.emplace_back("successor", Cat(offer.successor));
    return Refuse(absl::StatusCode::kFailedPrecondition, "OFFER_SUPERSEDED",
                  Cat("offer ", offer.number, " was superseded by offer ", offer.successor, " at ",
                      Format(offer.answered)),
                  std::move(facts));
  }
  if (!offer.ending.empty()) facts.emplace_back("ended_by", offer.ending);
  const std::string text =
      Cat("offer ", offer.number, " is ", NameOf(offer.state), " since ", Format(offer.answered),
          offer.ending.empty() ? "" : ": ", offer.ending);
  if (!raced)
    return Refuse(absl::StatusCode::kFailedPrecondition, "OFFER_CLOSED", text, std::move(facts));
  const bool was_placed = offer.ending == "ALREADY_PLACED";
  return Refuse(absl::StatusCode::kAborted, was_placed ? "ALREADY_PLACED" : "OFFER_RESCINDED", text,
                std::move(facts));
}

// Refuses an answer to a closed offer. The first refusal of one that its provider did not end
// itself is recorded.
Verdict Deciding::Reject(const RequestBook& request, const Offer& offer) const {
  Verdict verdict{{}, Closed(offer, request.state)};
  const bool by_others =
      offer.state == OfferState::kLapsed || offer.state == OfferState::kRescinded ||
      offer.state == OfferState::kSuperseded || offer.state == OfferState::kVoided;
  if (by_others && !offer.rejection_recorded) {
    Decision rejected = RequestDraft::About(Kind::RESPONSE_REJECTED, offer);
    rejected.deadline = offer.deadline;
    rejected.reason = ReasonOf(verdict.refusal);
    verdict.decisions.push_back(std::move(rejected));
  }
  return verdict;
}

absl::StatusOr<const Offer*> Deciding::FindOwnOffer(const RequestId& id, uint32_t number) const {
  if (absl::Status status = CheckActor(Role::kProvider); !status.ok()) return status;
  const RequestBook* request = book.Find(id);
  const Offer* offer = request == nullptr ? nullptr : request->Find(number);
  if (offer == nullptr || offer->provider.value != actor.name) return NoOffer(id, number);
  return offer;
}

absl::StatusOr<Verdict> Deciding::On(const AcceptOffer& accept) const {
  const absl::StatusOr<const Offer*> found = FindOwnOffer(accept.request, accept.offer);
  if (!found.ok()) return found.status();
  const Offer& offer = **found;
  const RequestBook* request = book.Find(accept.request);
  const bool late = offer.state == OfferState::kLapsed;
  if (!late && (offer.state != OfferState::kOpen || now > offer.deadline))
    return Reject(*request, offer);
  if (accept.terms_hash != offer.terms_hash) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "TERMS_MISMATCH",
                  Cat("terms_hash: got ", Hex(accept.terms_hash), ", want ", Hex(offer.terms_hash)),
                  {{"got", Hex(accept.terms_hash)}, {"want", Hex(offer.terms_hash)}});
  }
  const int64_t quantity = accept.quantity == 0 ? offer.quantity : accept.quantity;
  if (absl::Status status = CheckQuantity(offer, quantity); !status.ok()) return status;

  if (late) return AcceptLate(*request, offer, quantity);
  if (offer.sealed) {
    Terms terms = TermsOf(*request, offer);
    terms.quantity = quantity;
    return ReceiveBid(*request, offer, std::move(terms), "");
  }
  const Units& units = request->lineages[offer.lineage - 1].units;
  const bool is_taken = !request->IsExchange(offer) && offer.kind == OfferKind::kAlternative &&
                        quantity > units.ToBeHad();
  RequestDraft draft(book, directory, request, now);
  if (is_taken) {  // R9: another was first, and this does not fit in what it leaves.
    if (offer.promise != Promise::kReserve)
      draft.KeepInReserve(offer.number, quantity, "ALREADY_PLACED");
    return draft.Conclude(Refuse(
        absl::StatusCode::kAborted, "ALREADY_PLACED",
        Cat("another accepted first; offer ", offer.number, " is kept in reserve for ", quantity),
        {{"request_state", std::string(NameOf(request->state))}, {"server_time", Format(now)}}));
  }
  const bool whole = quantity == offer.quantity;
  Decision accepted =
      RequestDraft::About(whole ? Kind::OFFER_ACCEPTED : Kind::OFFER_PARTIALLY_ACCEPTED, offer);
  accepted.quantity = quantity;
  accepted.terms_hash = offer.terms_hash;
  draft.Add(std::move(accepted));
  // An alternative has to pass the holders first, as the lineage goes on.
  if (offer.clause.IsSet()) draft.Hold(offer.number);
  draft.WaiveRemainder(offer.number);
  draft.Advance();
  return draft.Conclude();
}

// R26: refused and, where the owner wants it so, kept in reserve.
absl::StatusOr<Verdict> Deciding::AcceptLate(const RequestBook& request, const Offer& offer,
                                             int64_t quantity) const {
  Verdict verdict = Reject(request, offer);
  const bool was_kept = offer.promised != 0;  // Once is enough: it may have been placed since.
  if (!request.request->accept_late || was_kept || IsFinished(request.state) ||
      request.IsExchange(offer))
    return verdict;
  RequestDraft draft(book, directory, &request, now);
  for (Decision& decision : verdict.decisions) draft.Add(std::move(decision));
  draft.KeepInReserve(offer.number, quantity, "LATE");
  draft.PromoteWaiting();
  draft.Advance();
  return draft.Conclude(std::move(verdict.refusal));
}

absl::StatusOr<Verdict> Deciding::On(const DeclineOffer& decline) const {
  const absl::StatusOr<const Offer*> found = FindOwnOffer(decline.request, decline.offer);
  if (!found.ok()) return found.status();
  const Offer& offer = **found;
  const RequestBook* request = book.Find(decline.request);
  if (offer.state != OfferState::kOpen || now > offer.deadline) return Reject(*request, offer);
  if (decline.reason == DeclineReason::kNone)
    return Invalid("decline.reason", "none", "one of the reasons");
  if (decline.cool_down < Span{} || decline.cool_down > kLongestCoolDown) {
    return Invalid("decline.cool_down", Format(decline.cool_down),
                   Cat("0s to ", Format(kLongestCoolDown)));
  }
  if (absl::Status status = CheckText("decline.text", decline.text); !status.ok()) return status;
  RequestDraft draft(book, directory, request, now);
  Decision declined = RequestDraft::About(Kind::OFFER_DECLINED, offer);
  declined.decline = decline.reason;
  declined.text = decline.text;
  if (decline.cool_down > Span{}) {  // R8.
    const Terms& terms = request->request->terms;
    declined.cool_down = std::make_shared<const CoolDown>(
        CoolDown{offer.provider, terms.region, terms.resource_type, now + decline.cool_down});
  }
  draft.Add(std::move(declined));
  draft.EndRight(offer.number, "DECLINED");
  draft.Advance();
  return draft.Conclude();
}

// R7.
absl::StatusOr<Verdict> Deciding::On(const CounterOffer& counter) const {
  const absl::StatusOr<const Offer*> found = FindOwnOffer(counter.request, counter.offer);
  if (!found.ok()) return found.status();
  const Offer& offer = **found;
  const RequestBook* request = book.Find(counter.request);
  if (offer.state != OfferState::kOpen || now > offer.deadline) return Reject(*request, offer);
  const AgreementVersion* version =
      offer.clause.IsSet() ? book.account.Find(offer.clause.agreement, offer.clause.version)
                           : nullptr;
  const Clause* clause = version == nullptr ? nullptr : FindClause(*version, offer.clause.clause);
  if (clause == nullptr || !AskingOf(*clause)->counter_window.IsSet() || offer.matches != 0 ||
      request->IsExchange(offer)) {
    return Refuse(
        absl::StatusCode::kFailedPrecondition, "COUNTER_NOT_ALLOWED",
        Cat("offer ", offer.number, " can be accepted or declined; its clause allows no counter"));
  }
  if (absl::Status status = ValidateAnswer(counter.terms, TermsOf(*request, offer), "terms");
      !status.ok())
    return status;
  if (absl::Status status = CheckQuantity(offer, counter.terms.quantity); !status.ok())
    return status;
  RequestDraft draft(book, directory, request, now);
  Decision countered = RequestDraft::About(Kind::OFFER_COUNTERED, offer);
  countered.clause = offer.clause;
  countered.quantity = counter.terms.quantity;
  countered.unit_price = counter.terms.unit_price;
  countered.terms = std::make_shared<const Terms>(counter.terms);
  countered.terms_hash = HashTerms(counter.terms);
  countered.take_by =
      AddWindow(CalendarOf(*version, *clause), now, AskingOf(*clause)->counter_window);
  draft.Add(std::move(countered));
  return draft.Conclude();
}

absl::StatusOr<Verdict> Deciding::On(const AnswerCounter& answer) const {
  if (absl::Status status = CheckActor(Role::kOwner); !status.ok()) return status;
  const absl::StatusOr<const RequestBook*> request = FindRequest(answer.request);
  if (!request.ok()) return request.status();
  const Offer* offer = (*request)->Find(answer.offer);
  if (offer == nullptr) return NoOffer(answer.request, answer.offer);
  const bool is_pending = offer->promise == Promise::kCounter && now <= offer->take_by &&
                          !IsFinished((*request)->state);
  if (!is_pending) {
    const bool is_repeat = offer->state == OfferState::kCountered &&
                           offer->promise == Promise::kNone &&
                           offer->allocation.IsStanding() == answer.take;
    if (is_repeat) return Verdict{};
    return Refuse(
        absl::StatusCode::kFailedPrecondition, "COUNTER_CLOSED",
        Cat("offer ", offer->number, " is ", NameOf(offer->state), " and has no counter to answer"),
        {{"offer_state", std::string(NameOf(offer->state))},
         {"request_state", std::string(NameOf((*request)->state))},
         {"server_time", Format(now)}});
  }
  const Money cap = PriceCapOf(*(*request)->request);
  if (answer.take && offer->answer->unit_price.micros > cap.micros) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "PRICE_CAP",
                  Cat("the counter asks ", Format(offer->answer->unit_price),
                      ", the request's cap is ", Format(cap), "; amend the request first"));
  }
  const bool is_holders = offer->clause.IsSet();
  const Units& units = (*request)->lineages[offer->lineage - 1].units;
  if (answer.take && !is_holders && offer->promised > units.ToBeHad()) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "COUNTER_CLOSED",
                  Cat("the counter is for ", offer->promised, ", and ", units.Unplaced(),
                      " are left to place"),
                  {{"request_state", std::string(NameOf((*request)->state))}});
  }
  RequestDraft draft(book, directory, *request, now);
  if (answer.take) {
    Decision taken = RequestDraft::About(Kind::COUNTER_TAKEN, *offer);
    taken.clause = offer->clause;
    taken.quantity = offer->promised;
    taken.unit_price = offer->answer->unit_price;
    draft.Add(std::move(taken));
    if (is_holders) {
      draft.Hold(offer->number);
      draft.WaiveRemainder(offer->number);
    }
  } else if (is_holders) {
    draft.EndRight(offer->number, "COUNTER_NOT_TAKEN");
  } else {
    draft.LeaveCounter(offer->number);
  }
  draft.Advance();
  return draft.Conclude();
}

// R9, R11.
absl::StatusOr<Verdict> Deciding::On(const SubmitBid& bid) const {
  const absl::StatusOr<const Offer*> found = FindOwnOffer(bid.request, bid.offer);
  if (!found.ok()) return found.status();
  const Offer& offer = **found;
  const RequestBook* request = book.Find(bid.request);
  if (!offer.IsUnanswered() || now > offer.deadline) return Reject(*request, offer);
  if (!offer.sealed) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "NOT_SEALED",
                  Cat("offer ", offer.number, " takes no bids; it can be accepted or declined"));
  }
  if (absl::Status status = ValidateAnswer(bid.terms, TermsOf(*request, offer), "terms");
      !status.ok())
    return status;
  if (absl::Status status = CheckQuantity(offer, bid.terms.quantity); !status.ok()) return status;
  if (absl::Status status = CheckText("contingent", bid.contingent); !status.ok()) return status;
  return ReceiveBid(*request, offer, bid.terms, bid.contingent);
}

absl::StatusOr<Verdict> Deciding::ReceiveBid(const RequestBook& request, const Offer& offer,
                                             Terms terms, std::string contingent) const {
  RequestDraft draft(book, directory, &request, now);
  Decision received = RequestDraft::About(Kind::BID_RECEIVED, offer);
  received.quantity = terms.quantity;
  received.unit_price = terms.unit_price;
  received.terms_hash = HashTerms(terms);
  received.terms = std::make_shared<const Terms>(std::move(terms));
  received.contingent = std::move(contingent);
  draft.Add(std::move(received));
  draft.Advance();
  return draft.Conclude();
}

}  // namespace capbroker
