// Allocations: held, confirmed, given up; what they draw of a commitment; and those who lost to
// them.
#include <algorithm>
#include <utility>

#include "broker/deciding/rounds.h"

namespace capbroker {

// R14.
void Rounds::Hold(uint32_t number) {
  const Offer offer = OfferOf(number);
  const Span confirm_within = offer.clause.IsSet()
                                  ? AskingOf(*account().Find(offer.clause))->confirm_within
                                  : request_.VersionOf(offer).fallback.confirm_within;
  const uint32_t matched = offer.kind == OfferKind::kMatch ? LineageOf(offer.lineage).candidate : 0;
  Decision held = About(Kind::ALLOCATION_HELD, offer);
  held.quantity = offer.promised;
  if (confirm_within > Span{}) held.until = now_ + confirm_within;
  Add(std::move(held));
  // R13: the old allocation goes once the new one stands, and what it drew before the new one
  // draws.
  if (request_.IsExchange(offer))
    GiveUp(Kind::ALLOCATION_RELEASED, Offer(OfferOf(offer.replaces)), "AMENDED", "");
  Reserve(offer, offer.promised);
  if (matched != 0) KeepInReserve(matched, OfferOf(matched).promised, "MATCHED");
}

// R21: a placement with the holder of a commitment draws on what is left of it; placements with
// others never do.
void Rounds::Reserve(const Offer& offer, int64_t quantity) {
  const Request& request = *request_.request;
  const Lineage& lineage = LineageOf(offer.lineage);
  const Terms terms = AgreedTermsOf(request_, offer);
  for (const AgreementVersion* version : account().InForce(request_.created)) {
    if (version->holder != offer.provider) continue;
    for (const Clause& clause : version->clauses) {
      const auto* commitment = As<CommitmentClause>(clause);
      if (commitment == nullptr || commitment->amount.currency != terms.unit_price.currency ||
          account().IsTriggered(RefOf(*version, clause))) {
        continue;
      }
      if (std::none_of(lineage.segments.begin(), lineage.segments.end(), [&](uint32_t segment) {
            return Covers(clause.scope, request, request.segments[segment], false);
          })) {
        continue;
      }
      const auto balance =
          std::find_if(account().commitments.begin(), account().commitments.end(),
                       [&](const CommitmentBalance& c) {
                         return c.agreement == version->agreement && c.clause == clause.id;
                       });
      // The cost was found to fit when the terms were received.
      const Money cost = *Cost(terms.unit_price, quantity, terms.end - terms.start);
      const int64_t reserved = std::min(cost.micros, balance->Left().micros);
      if (reserved <= 0) continue;
      Decision decision{.kind = Kind::COMMITMENT_RESERVED};
      decision.offer = offer.number;
      decision.provider = offer.provider;
      decision.clause = RefOf(*version, clause);
      decision.amount = {reserved, cost.currency};
      Add(std::move(decision));
      return;  // One commitment is drawn for one allocation.
    }
  }
}

void Rounds::FreeCommitment(Kind kind, const Offer& offer, int64_t micros) {
  if (micros <= 0) return;
  Decision freed{.kind = kind};
  freed.offer = offer.number;
  freed.provider = offer.provider;
  freed.clause = offer.commitment;
  freed.amount = {micros, offer.committed.currency};
  Add(std::move(freed));
}

// R21: of what was drawn, the share of the term that is not used yet, rounded down.
int64_t Rounds::UnusedShare(const Offer& offer) const {
  const Terms terms = AgreedTermsOf(request_, offer);
  const Span unused = terms.end - std::clamp(now_, terms.start, terms.end);
  return static_cast<int64_t>(static_cast<__int128>(offer.committed.micros) * unused.micros /
                              (terms.end - terms.start).micros);
}

void Rounds::GiveUp(Kind kind, const Offer& offer, std::string_view reason, std::string_view text) {
  Decision given_up = About(kind, offer);
  given_up.quantity = offer.accepted;
  given_up.reason = reason;
  given_up.text = text;
  const bool was_drawn = offer.allocation == AllocationState::kConfirmed;
  const int64_t freed = was_drawn ? UnusedShare(offer) : offer.committed.micros;
  Add(std::move(given_up));
  FreeCommitment(was_drawn ? Kind::COMMITMENT_RESTORED : Kind::COMMITMENT_RELEASED, offer, freed);
  for (size_t i = 0; i < request_.offers.size(); ++i) {  // R13: there is nothing left to exchange.
    const Offer& other = request_.offers[i];
    if (other.replaces != offer.number || other.state != OfferState::kOpen ||
        !request_.IsExchange(other))
      continue;
    Decision rescinded = About(Kind::OFFER_RESCINDED, other);
    rescinded.reason = reason;
    Add(std::move(rescinded));
  }
}

void Rounds::ExpireHold(uint32_t number, std::string_view reason) {
  GiveUp(Kind::ALLOCATION_EXPIRED, Offer(OfferOf(number)), reason, "");
  EndRight(number, reason);
}

void Rounds::WithdrawHold(uint32_t number, std::string_view text) {
  GiveUp(Kind::ALLOCATION_WITHDRAWN, Offer(OfferOf(number)), "BEFORE_CONFIRM", text);
  EndRight(number, "WITHDRAWN");
}

void Rounds::EndHolds(Kind kind, std::string_view reason) {
  for (size_t i = 0; i < request_.offers.size(); ++i) {
    const Offer offer = request_.offers[i];
    if (offer.allocation == AllocationState::kHeld) GiveUp(kind, offer, reason, "");
  }
}

// R9: the price cap is checked once more.
void Rounds::ConfirmHold(uint32_t number) {
  const Offer offer = OfferOf(number);
  if (!IsWithinCap(request_, offer, AgreedTermsOf(request_, offer).unit_price)) {
    ExpireHold(number, "PRICE_CAP");
    return;
  }
  Decision confirmed = About(Kind::ALLOCATION_CONFIRMED, offer);
  confirmed.quantity = offer.accepted;
  Add(std::move(confirmed));
  if (offer.committed.IsSet())
    FreeCommitment(Kind::COMMITMENT_DRAWN, offer, offer.committed.micros);
  TellLosers(offer.lineage);
}

void Rounds::ConfirmHolds() {
  for (size_t i = 0; i < request_.offers.size(); ++i) {
    const Offer& offer = request_.offers[i];
    if (offer.allocation == AllocationState::kHeld && !offer.confirm_by.IsSet())
      ConfirmHold(offer.number);
  }
}

void Rounds::KeepInReserve(uint32_t number, int64_t quantity, std::string_view reason) {
  Decision kept = About(Kind::STANDBY_RECORDED, OfferOf(number));
  kept.quantity = quantity;
  kept.reason = reason;
  Add(std::move(kept));
}

// R9: those who were kept until the winner was confirmed are told.
void Rounds::TellLosers(uint32_t number) {
  if (LineageOf(number).remaining != 0) return;
  const bool is_held =
      std::any_of(request_.offers.begin(), request_.offers.end(), [&](const Offer& offer) {
        return offer.lineage == number && offer.allocation == AllocationState::kHeld;
      });
  if (is_held) return;
  for (size_t i = 0; i < request_.offers.size(); ++i) {
    const Offer offer = request_.offers[i];
    if (offer.lineage != number || request_.IsExchange(offer)) continue;
    const bool is_open = offer.state == OfferState::kOpen;
    const bool is_loser = offer.standby && offer.state != OfferState::kLapsed;
    if (!is_open && !is_loser) continue;
    Decision told =
        About(is_open && !offer.has_bid ? Kind::OFFER_RESCINDED : Kind::BID_LOST, offer);
    told.reason = "ALREADY_PLACED";
    Add(std::move(told));
  }
}

// An alternative that sells at its own rate keeps that price.
Terms Rounds::LatestTermsOf(const Offer& offer, int64_t quantity) const {
  const bool at_owners_price = offer.unit_price == request_.VersionOf(offer).terms.unit_price;
  Terms terms = request_.request->terms;
  terms.quantity = quantity;
  if (!at_owners_price)
    terms.unit_price =
        IsStanding(offer.allocation) ? AgreedTermsOf(request_, offer).unit_price : offer.unit_price;
  return terms;
}

bool Rounds::IsAboveCap(uint32_t number) const {
  const Money cap = PriceCapOf(*request_.request);
  const Money price = LatestTermsOf(OfferOf(number), 1).unit_price;
  return price.currency != cap.currency || price.micros > cap.micros;
}

bool Rounds::IsOutdated(uint32_t number) const {
  const Offer& offer = OfferOf(number);
  return LatestTermsOf(offer, offer.quantity) != TermsOf(request_, offer);
}

void Rounds::OpenExchange(uint32_t number) {
  const Offer offer = OfferOf(number);
  const Terms terms = LatestTermsOf(offer, offer.accepted);
  const bool is_asked =
      std::any_of(request_.offers.begin(), request_.offers.end(), [&](const Offer& other) {
        return other.replaces == number && TermsOf(request_, other) == terms &&
               (other.state == OfferState::kOpen || other.state == OfferState::kDeclined ||
                other.state == OfferState::kLapsed);
      });
  if (is_asked || terms == AgreedTermsOf(request_, offer) || IsAboveCap(number)) return;
  Span window = request_.request->fallback.step_window;
  for (auto version = request_.versions.rbegin();
       window == Span{} && version != request_.versions.rend(); ++version)
    window = (*version)->fallback.step_window;  // The latest may ask nobody, and name none.
  Open(offer.lineage,
       {.kind = offer.kind,
        .provider = offer.provider,
        .clause = offer.clause,
        .quantity = offer.accepted,
        .unit_price = terms.unit_price,
        .replaces = number,
        .deadline =
            offer.clause.IsSet()
                ? DeadlineUnder(offer.clause, AskingOf(*account().Find(offer.clause))->window)
                : now_ + window});
}

void Rounds::Supersede(uint32_t number, std::string_view reason) {
  Decision superseded = About(Kind::OFFER_SUPERSEDED, OfferOf(number));
  superseded.reason = reason;
  Add(std::move(superseded));
}

void Rounds::OpenSuccessor(uint32_t number, Span least) {
  const Offer offer = OfferOf(number);
  const int64_t lot = std::min(offer.quantity, LineageOf(offer.lineage).remaining);
  const Clause* right = offer.clause.IsSet() ? account().Find(offer.clause) : nullptr;
  Open(offer.lineage,
       {.kind = offer.kind,
        .provider = offer.provider,
        .clause = offer.clause,
        .quantity = lot,
        .parts = offer.min_quantity == 0 ? Parts{} : PartsOf(*request_.request, lot, right),
        .unit_price = LatestTermsOf(offer, lot).unit_price,
        .sealed = offer.sealed,
        .replaces = number,
        .deadline = std::max(
            offer.deadline, right == nullptr ? now_ + least : DeadlineUnder(offer.clause, least))});
}

}  // namespace capbroker
