// Allocations: held, confirmed, given up, exchanged for new terms; what they draw of a commitment;
// and those who lost to them.
#include <algorithm>
#include <utility>

#include "broker/deciding/request_draft.h"

namespace capbroker {

// R14.
void RequestDraft::Hold(uint32_t number) {
  const Offer offer = OfferOf(number);
  const Span confirm_within = offer.clause.IsSet()
                                  ? AskingUnder(offer.clause).confirm_within
                                  : request_.VersionOf(offer).fallback.confirm_within;
  Decision held = About(Kind::ALLOCATION_HELD, offer);
  held.quantity = offer.promised;
  // What was confirmed stays so on its new terms: an exchange is no way out of it (R13, R15).
  const bool was_confirmed =
      request_.IsExchange(offer) &&
      OfferOf(offer.replaces).allocation.state == AllocationState::kConfirmed;
  if (confirm_within > Span{} && !was_confirmed) held.confirm_by = now_ + confirm_within;
  Add(std::move(held));
  // R13: the old allocation goes once the new one stands, and what it drew before the new one
  // draws.
  if (request_.IsExchange(offer)) GiveUp(Kind::ALLOCATION_RELEASED, offer.replaces, "AMENDED", "");
  const bool beats_exchange = offer.matches != 0 && request_.IsExchange(OfferOf(offer.matches));
  if (beats_exchange)
    GiveUp(Kind::ALLOCATION_RELEASED, OfferOf(offer.matches).replaces, "RIGHT_EXERCISED", "");
  Reserve(offer, offer.promised);
  if (offer.matches != 0 && !beats_exchange)
    KeepInReserve(offer.matches, OfferOf(offer.matches).promised, "RIGHT_EXERCISED");
  if (was_confirmed) ConfirmHold(number);
}

// R21: a placement in the scope of its provider's commitments draws on what is left of them, in the
// order of their ids, until it is covered; what none covers, for want of a balance or in another
// currency, is recorded. Placements with others never draw, nor is anything drawn on what has
// ended.
void RequestDraft::Reserve(const Offer& offer, int64_t quantity) {
  const Request& request = *request_.request;
  const SegmentList segments = OfferOf(offer.number).allocation.segments;
  const Terms terms = AgreedTermsOf(request_, offer);
  // The cost was found to fit when the terms were received.
  const Money cost = *Cost(terms.unit_price, quantity, terms.end - terms.start);
  std::vector<ClauseRef> in_scope;
  for (const AgreementVersion* version : account().InForce(now_)) {
    if (version->holder != offer.provider) continue;
    for (const Clause& clause : version->clauses) {
      const bool covers =
          As<CommitmentClause>(clause) != nullptr &&
          !account().HasEnded(RefOf(*version, clause), now_) &&
          std::any_of(segments.begin(), segments.end(), [&](const SegmentUnits& units) {
            return Covers(clause.scope, request, request.segments[units.segment], false);
          });
      if (covers) in_scope.push_back(RefOf(*version, clause));
    }
  }
  std::sort(in_scope.begin(), in_scope.end(), [](const ClauseRef& a, const ClauseRef& b) {
    return std::tie(a.clause, a.agreement) < std::tie(b.clause, b.agreement);
  });
  Decision decision{.kind = Kind::COMMITMENT_RESERVED};
  decision.offer = offer.number;
  decision.provider = offer.provider;
  int64_t rest = cost.micros;
  for (const ClauseRef& ref : in_scope) {
    const auto balance =
        std::find_if(account().commitments.begin(), account().commitments.end(),
                     [&](const CommitmentBalance& c) {
                       return c.agreement == ref.agreement && c.clause == ref.clause;
                     });
    const int64_t reserved = std::min(rest, balance->Left().micros);
    if (reserved <= 0 || balance->committed.currency != cost.currency) continue;
    rest -= reserved;
    decision.clause = ref;
    decision.amount = {reserved, cost.currency};
    Add(Decision(decision));
  }
  if (in_scope.empty() || rest == 0) return;
  decision.kind = Kind::COMMITMENT_EXCEEDED;
  decision.clause = ClauseRef{};
  decision.amount = {rest, cost.currency};
  Add(std::move(decision));
}

void RequestDraft::Free(Kind kind, const Offer& offer, const Draw& draw, int64_t micros) {
  if (micros <= 0) return;
  Decision freed{.kind = kind};
  freed.offer = offer.number;
  freed.provider = offer.provider;
  freed.clause = draw.commitment;
  freed.amount = {micros, draw.amount.currency};
  Add(std::move(freed));
}

// R21: of what was drawn, the share of the term that is not used yet, rounded down.
int64_t RequestDraft::UnusedShare(const Offer& offer, const Money& drawn) const {
  const Terms terms = AgreedTermsOf(request_, offer);
  const Span unused = terms.end - std::clamp(now_, terms.start, terms.end);
  return static_cast<int64_t>(static_cast<__int128>(drawn.micros) * unused.micros /
                              (terms.end - terms.start).micros);
}

void RequestDraft::GiveUp(Kind kind, uint32_t number, std::string_view reason,
                          std::string_view text) {
  const Offer offer = OfferOf(number);
  const bool was_drawn = offer.allocation.state == AllocationState::kConfirmed;
  Decision given_up = About(kind, offer);
  given_up.quantity = offer.allocation.quantity;
  given_up.reason = reason;
  given_up.text = text;
  Add(std::move(given_up));
  // R28: what an owner releases by itself is restored for the share that was agreed.
  const bool is_release =
      kind == Kind::ALLOCATION_RELEASED && (reason == "OWNER" || reason == "NOTICED");
  const Share share = !is_release            ? Share{}
                      : offer.clause.IsSet() ? AskingUnder(offer.clause).release_share
                                             : request_.VersionOf(offer).fallback.release_share;
  for (const Draw& draw : offer.allocation.draws) {
    Free(was_drawn ? Kind::COMMITMENT_RESTORED : Kind::COMMITMENT_RELEASED, offer, draw,
         was_drawn ? UnusedShare(offer, draw.amount) * share : draw.amount.micros);
  }
  const bool is_gone = kind == Kind::ALLOCATION_RELEASED ||
                       (kind == Kind::ALLOCATION_WITHDRAWN && !request_.IsRoutedAnew(now_));
  if (is_gone) RestoreWaiversOf(offer.lineage, offer.allocation.segments, "NOT_PLACED");  // R20.
  for (uint32_t i = 1; i <= request_.offers.size(); ++i) {  // R13: nothing is left to exchange.
    const Offer& other = OfferOf(i);
    const bool is_exchange = other.replaces == number && request_.IsExchange(other);
    const bool is_match = other.matches != 0 && OfferOf(other.matches).replaces == number &&
                          request_.IsExchange(OfferOf(other.matches));
    if (is_exchange && other.promise == Promise::kSelected) {
      Lose(i, reason);
    } else if ((is_exchange || is_match) && other.state == OfferState::kOpen) {
      Decision rescinded = About(Kind::OFFER_RESCINDED, other);
      rescinded.reason = reason;
      Add(std::move(rescinded));
    }
  }
}

void RequestDraft::ExpireHold(uint32_t number, std::string_view reason) {
  GiveUp(Kind::ALLOCATION_EXPIRED, number, reason, "");
  EndRight(number, reason);
}

void RequestDraft::WithdrawHold(uint32_t number, std::string_view text) {
  GiveUp(Kind::ALLOCATION_WITHDRAWN, number, "BEFORE_CONFIRM", text);
  EndRight(number, "WITHDRAWN");
}

void RequestDraft::EndHolds(Kind kind, std::string_view reason) {
  for (uint32_t i = 1; i <= request_.offers.size(); ++i) {
    if (OfferOf(i).allocation.state == AllocationState::kHeld) GiveUp(kind, i, reason, "");
  }
}

// R9: the price cap is checked once more.
void RequestDraft::ConfirmHold(uint32_t number) {
  const Offer offer = OfferOf(number);
  if (!IsWithinCap(request_, offer, AgreedTermsOf(request_, offer).unit_price)) {
    ExpireHold(number, "PRICE_CAP");
    return;
  }
  Decision confirmed = About(Kind::ALLOCATION_CONFIRMED, offer);
  confirmed.quantity = offer.allocation.quantity;
  Add(std::move(confirmed));
  for (const Draw& draw : offer.allocation.draws)
    Free(Kind::COMMITMENT_DRAWN, offer, draw, draw.amount.micros);
  TellLosers(offer.lineage);
}

void RequestDraft::ConfirmHolds() {
  for (uint32_t i = 1; IsSound() && i <= request_.offers.size(); ++i) {
    const Allocation& allocation = OfferOf(i).allocation;
    if (allocation.state == AllocationState::kHeld && !allocation.confirm_by.IsSet())
      ConfirmHold(i);
  }
}

void RequestDraft::KeepInReserve(uint32_t number, int64_t quantity, std::string_view reason) {
  Decision kept = About(Kind::STANDBY_RECORDED, OfferOf(number));
  kept.quantity = quantity;
  kept.reason = reason;
  Add(std::move(kept));
}

void RequestDraft::Lose(uint32_t number, std::string_view reason) {
  Decision lost = About(Kind::BID_LOST, OfferOf(number));
  lost.reason = reason;
  Add(std::move(lost));
}

// R9: those who were kept until the winner was confirmed are told, and why.
void RequestDraft::TellLosers(uint32_t lineage) {
  if (LineageOf(lineage).units.Unplaced() != 0 || LineageOf(lineage).units.At(Place::kHeld) != 0)
    return;
  for (uint32_t i = 1; i <= request_.offers.size(); ++i) {
    const Offer& offer = OfferOf(i);
    if (offer.lineage != lineage || offer.matches != 0 || request_.IsExchange(offer)) continue;
    if (offer.state == OfferState::kOpen && offer.promise == Promise::kNone) {
      Decision rescinded = About(Kind::OFFER_RESCINDED, offer);
      rescinded.reason = "ALREADY_PLACED";
      Add(std::move(rescinded));
    } else if (offer.promise == Promise::kCounter) {
      Lose(i, "NOT_QUALIFIED");
    } else if (offer.promise != Promise::kNone) {
      Lose(i, offer.outmatched ? "RIGHT_EXERCISED" : offer.sealed ? "OUTBID" : "ALREADY_PLACED");
    }
  }
}

// An alternative that sells at its own rate keeps that price.
Terms RequestDraft::LatestTermsOf(const Offer& offer, int64_t quantity) const {
  const bool at_owners_price = offer.unit_price == request_.VersionOf(offer).terms.unit_price;
  Terms terms = request_.request->terms;
  terms.quantity = quantity;
  if (!at_owners_price)
    terms.unit_price = offer.allocation.IsStanding() ? AgreedTermsOf(request_, offer).unit_price
                                                     : offer.unit_price;
  return terms;
}

bool RequestDraft::IsAboveCap(uint32_t number) const {
  const Money cap = PriceCapOf(*request_.request);
  const Money price = LatestTermsOf(OfferOf(number), 1).unit_price;
  return price.currency != cap.currency || price.micros > cap.micros;
}

bool RequestDraft::IsOutdated(uint32_t number) const {
  const Offer& offer = OfferOf(number);
  return LatestTermsOf(offer, offer.quantity) != TermsOf(request_, offer);
}

// R13. Whatever stands, or comes to stand, on terms that the owner has amended since keeps them
// until its provider agrees to the new ones.
void RequestDraft::AskConsents() {
  if (IsExpired()) return;
  for (uint32_t i = 1; IsSound() && i <= request_.offers.size(); ++i) {
    const Offer& offer = OfferOf(i);
    if (!offer.allocation.IsStanding() || offer.allocation.ends.IsSet()) continue;
    Terms before = request_.VersionOf(offer).terms;
    before.quantity = request_.request->terms.quantity;
    if (before != request_.request->terms) OpenExchange(i);
  }
}

// Nothing where it stands on the new terms already, its provider is asked or has refused them, or
// the price is above the cap.
void RequestDraft::OpenExchange(uint32_t number) {
  const Offer offer = OfferOf(number);
  const Terms terms = LatestTermsOf(offer, offer.allocation.quantity);
  const bool is_asked =
      std::any_of(request_.offers.begin(), request_.offers.end(), [&](const Offer& other) {
        return other.replaces == number && TermsOf(request_, other) == terms &&
               (other.state == OfferState::kOpen || other.state == OfferState::kDeclined ||
                other.state == OfferState::kLapsed || other.promise == Promise::kSelected ||
                other.ending == "RIGHT_EXERCISED");
      });
  // Under a clause that has ended nothing new is asked: the old terms stand (R17).
  const bool has_ended = offer.clause.IsSet() && account().HasEnded(offer.clause, now_);
  if (is_asked || has_ended || terms == AgreedTermsOf(request_, offer) || IsAboveCap(number))
    return;
  Span window = request_.request->fallback.step_window;
  for (auto version = request_.versions.rbegin();
       window == Span{} && version != request_.versions.rend(); ++version)
    window = (*version)->fallback.step_window;  // The latest may ask nobody, and name none.
  Open(offer.lineage,
       {.kind = offer.kind,
        .provider = offer.provider,
        .clause = offer.clause,
        .quantity = offer.allocation.quantity,
        .unit_price = terms.unit_price,
        .replaces = number,
        .deadline = offer.clause.IsSet()
                        ? DeadlineUnder(offer.clause, AskingUnder(offer.clause).window)
                        : now_ + window});
}

void RequestDraft::Supersede(uint32_t number, std::string_view reason) {
  Decision superseded = About(Kind::OFFER_SUPERSEDED, OfferOf(number));
  superseded.reason = reason;
  Add(std::move(superseded));
}

void RequestDraft::OpenSuccessor(uint32_t number, Span least) {
  const Offer offer = OfferOf(number);
  const int64_t lot = std::min(offer.quantity, LineageOf(offer.lineage).units.Unplaced());
  const Clause* right = offer.clause.IsSet() ? &ClauseOf(offer.clause) : nullptr;
  Open(offer.lineage,
       {.kind = offer.kind,
        .provider = offer.provider,
        .clause = offer.clause,
        .quantity = lot,
        .parts = offer.min_quantity == 0 ? Parts{} : PartsOf(*request_.request, lot, right),
        .unit_price = LatestTermsOf(offer, lot).unit_price,
        .sealed = offer.sealed,
        .continues = true,
        .replaces = number,
        .deadline = std::max(
            offer.deadline, right == nullptr ? now_ + least : DeadlineUnder(offer.clause, least))});
}

}  // namespace capbroker
