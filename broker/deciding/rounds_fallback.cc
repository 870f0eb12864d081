// R9, R16: alternatives, one after the other, several at once or by sealed bids; and what is left
// when all were asked.
#include <algorithm>
#include <utility>

#include "broker/deciding/rounds.h"
#include "broker/routing/compare.h"
#include "broker/values/text.h"

namespace capbroker {

bool Rounds::AdvanceFallback(uint32_t number) {
  if (Promote(number, /*late=*/false)) return true;
  if (HasSealedOffer(number)) return CloseBids(number);
  int64_t width = 1;
  switch (request_.request->fallback.kind) {
    case FallbackKind::kNone:
      return false;
    case FallbackKind::kSequential:
      break;
    case FallbackKind::kFanOut:
      width = request_.request->fallback.fan_out;
      break;
    case FallbackKind::kCheapest:
      width = INT64_MAX;
  }
  return AskAlternatives(number, width);
}

// Those passed over on the way are recorded. False: `width` of them have an open offer, or nobody
// is left to ask.
bool Rounds::AskAlternatives(uint32_t number, int64_t width) {
  int64_t open = 0;
  for (size_t i = 0; i < request_.offers.size(); ++i) {
    const Offer offer = request_.offers[i];
    if (offer.lineage != number || offer.state != OfferState::kOpen || offer.standby ||
        request_.IsExchange(offer))
      continue;
    if (offer.quantity > LineageOf(number).remaining) {  // Another has taken a part meanwhile.
      Supersede(offer.number, "REMAINDER");
      OpenSuccessor(offer.number, Span{});
    }
    ++open;
  }
  if (open >= width) return false;
  const Request& request = *request_.request;
  for (Alternative& next :
       NextAlternatives(request_, LineageOf(number), account(), directory_, now_)) {
    if (!next.skip) {
      const int64_t lot = LineageOf(number).remaining;
      Open(number, {.provider = next.provider,
                    .quantity = lot,
                    .parts = PartsOf(request, lot, nullptr),
                    .unit_price = next.unit_price,
                    .sealed = request.fallback.kind == FallbackKind::kCheapest,
                    .deadline = now_ + request.fallback.step_window});
      if (++open >= width) return false;
      continue;
    }
    Decision skipped{.kind = Kind::PROVIDER_SKIPPED};
    skipped.lineage = number;
    skipped.provider = std::move(next.provider);
    skipped.reason = std::move(next.skip->reason);
    skipped.text = std::move(next.skip->text);
    Add(std::move(skipped));
  }
  if (open > 0) return false;
  Decision exhausted{.kind = Kind::FALLBACK_EXHAUSTED};
  exhausted.lineage = number;
  exhausted.quantity = LineageOf(number).remaining;
  Add(std::move(exhausted));
  return true;
}

bool Rounds::HasSealedOffer(uint32_t number) const {
  return std::any_of(request_.offers.begin(), request_.offers.end(), [&](const Offer& offer) {
    return offer.lineage == number && offer.state == OfferState::kOpen && offer.sealed &&
           !offer.standby;
  });
}

// Once the window has closed, the cheapest bid that qualifies is chosen, the earlier of equals; the
// others stay in reserve until it is confirmed. True if the round is over.
bool Rounds::CloseBids(uint32_t number) {
  std::vector<uint32_t> bids;
  for (const Offer& offer : request_.offers) {
    if (offer.lineage != number || offer.state != OfferState::kOpen || offer.standby ||
        !offer.sealed)
      continue;
    if (now_ <= offer.deadline || !offer.has_bid) return false;
    bids.push_back(offer.number);
  }
  const auto rank = [&](uint32_t bid) {
    const Offer& offer = OfferOf(bid);
    return std::tuple(offer.answer->unit_price.micros, offer.answered, offer.number);
  };
  std::sort(bids.begin(), bids.end(), [&](uint32_t a, uint32_t b) { return rank(a) < rank(b); });
  std::vector<ProviderId> qualified;
  std::erase_if(bids, [&](uint32_t bid) {
    const Offer& offer = OfferOf(bid);
    const std::string_view why = WhyDisqualified(offer, qualified);
    if (why.empty()) {
      qualified.push_back(offer.provider);
      return false;
    }
    Decision out = About(Kind::BID_DISQUALIFIED, offer);
    out.reason = why;
    out.text = offer.contingent;
    Add(std::move(out));
    return true;
  });
  uint32_t best = 0;
  for (const uint32_t bid : bids) {
    if (best == 0 && OfferOf(bid).promised <= LineageOf(number).remaining) {
      best = bid;
      Decision selected = About(Kind::BEST_BID_SELECTED, OfferOf(bid));
      selected.quantity = OfferOf(bid).promised;
      selected.unit_price = OfferOf(bid).answer->unit_price;
      Add(std::move(selected));
    } else {
      KeepInReserve(bid, OfferOf(bid).promised, "NOT_CHEAPEST");
    }
  }
  return true;
}

// R11, R7, R9. Empty if the bid counts. `better`: whose bids count already.
std::string_view Rounds::WhyDisqualified(const Offer& offer,
                                         const std::vector<ProviderId>& better) const {
  const Provider* provider = directory_.Find(offer.provider);
  if (provider == nullptr || provider->suspended) return "SUSPENDED";
  const std::vector<Right>& rights = LineageOf(offer.lineage).rights;
  const bool contingent_counts =
      !rights.empty() && std::all_of(rights.begin(), rights.end(), [&](const Right& r) {
        return MatchingOf(*account().Find(r.clause)).contingent_bids;
      });
  if (!offer.contingent.empty() && !contingent_counts) return "CONTINGENT";
  const Terms terms = AgreedTermsOf(request_, offer);
  if (const Money cap = PriceCapOf(*request_.request);
      terms.unit_price.currency != cap.currency || terms.unit_price.micros > cap.micros) {
    return "PRICE_CAP";
  }
  if (IsBelowFloor(request_, offer.lineage, terms)) return "FLOOR";
  const bool affiliate = std::any_of(better.begin(), better.end(), [&](const ProviderId& other) {
    return directory_.IsSameParty(other, offer.provider);
  });
  return affiliate ? "AFFILIATE" : "";
}

// The first in reserve whose promise fits what remains. `late`: those who accepted after their
// deadline, in that order; else those who lost to somebody who then did not deliver, the cheapest
// first.
bool Rounds::Promote(uint32_t number, bool late) {
  const Offer* first = nullptr;
  const auto price = [&](const Offer& offer) {
    return AgreedTermsOf(request_, offer).unit_price.micros;
  };
  const int64_t cap = PriceCapOf(*request_.request).micros;
  for (const Offer& offer : request_.offers) {
    if (offer.lineage != number || !offer.standby || (offer.state == OfferState::kLapsed) != late)
      continue;
    if (offer.promised > LineageOf(number).remaining || price(offer) > cap) continue;
    if (first == nullptr || (!late && price(offer) < price(*first))) first = &offer;
  }
  if (first == nullptr) return false;
  const uint32_t promoted = first->number;
  const bool is_alternative = first->kind == OfferKind::kAlternative;
  Decision decision = About(Kind::STANDBY_PROMOTED, *first);
  decision.quantity = first->promised;
  Add(std::move(decision));
  if (!is_alternative) Hold(promoted);
  return true;
}

void Rounds::PromoteWaiting() {
  for (uint32_t i = 1; i <= request_.lineages.size(); ++i) {
    const bool waits = request_.request->fallback.kind == FallbackKind::kNone &&
                       LineageOf(i).stage == Lineage::Stage::kFallback &&
                       LineageOf(i).remaining > 0;
    if (waits) Promote(i, /*late=*/true);
  }
}

// R16: late acceptances, then the holders once more, where their clauses say so.
bool Rounds::AdvanceExhausted(uint32_t number) {
  if (HasOpenOffer(number)) return false;
  if (Promote(number, /*late=*/false) || Promote(number, /*late=*/true)) return true;
  const Lineage& lineage = LineageOf(number);
  for (const Right& right : lineage.rights) {
    const FirstRefusal& clause = MatchingOf(*account().Find(right.clause));
    const ProviderId& holder = account().Find(right.clause.agreement, right.clause.version)->holder;
    if (lineage.route != Kind::ROUTE_FIRST_REFUSAL || !clause.reoffer || right.reoffered ||
        account().HasEnded(right.clause, now_) ||
        account().IsCoolingDown(holder, request_.request->terms, now_)) {
      continue;
    }
    AskHolder(number, ClauseRef(right.clause), OfferKind::kReoffer);
    return true;
  }
  return false;
}

}  // namespace capbroker
