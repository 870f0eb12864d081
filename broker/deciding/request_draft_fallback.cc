// R9, R16: alternatives, one after the other, several at once or by sealed bids; and what is left
// when all were asked.
#include <algorithm>
#include <utility>

#include "broker/deciding/request_draft.h"
#include "broker/routing/bids.h"
#include "broker/routing/compare.h"
#include "broker/values/text.h"

namespace capbroker {

bool RequestDraft::AdvanceFallback(uint32_t number) {
  if (Promote(number, /*late=*/false)) return true;
  if (CloseBids(number)) return true;
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
bool RequestDraft::AskAlternatives(uint32_t number, int64_t width) {
  int64_t open = 0;
  for (uint32_t i = 1; i <= request_.offers.size(); ++i) {
    const Offer offer = OfferOf(i);
    if (offer.lineage != number || offer.matches != 0 || request_.IsExchange(offer)) continue;
    const bool waits = offer.IsUnanswered() || offer.promise == Promise::kCounter;
    if (!waits) continue;
    ++open;
    // Another has taken a part meanwhile. A bid is taken for what is left.
    if (offer.promise == Promise::kNone && offer.quantity > LineageOf(number).units.Unplaced()) {
      Supersede(i, "REMAINDER");
      OpenSuccessor(i, Span{});
    }
  }
  if (open >= width) return false;
  const Request& request = *request_.request;
  for (Alternative& next :
       NextAlternatives(request_, LineageOf(number), account(), directory_, now_)) {
    if (!next.skip) {
      const int64_t lot = LineageOf(number).units.Unplaced();
      Open(number, {.provider = next.provider,
                    .quantity = lot,
                    .parts = PartsOf(request, lot, nullptr),
                    .unit_price = next.unit_price,
                    .sealed = request.fallback.kind == FallbackKind::kCheapest,
                    .deadline = now_ + next.window});
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
  if (const ProviderId only = WaivedFor(LineageOf(number)); !only.empty()) {
    RerouteUnits(number, SegmentList(LineageOf(number).unplaced), only);
    return true;
  }
  Decision exhausted{.kind = Kind::FALLBACK_EXHAUSTED};
  exhausted.lineage = number;
  exhausted.quantity = LineageOf(number).units.Unplaced();
  Add(std::move(exhausted));
  return true;
}

// R20. For whom alone the lineage's waivers are, if one of them is for one provider; else empty.
// What it does not take is its holder's again before it is anybody else's.
ProviderId RequestDraft::WaivedFor(const Lineage& lineage) const {
  for (const ClauseRef& ref : lineage.waivers) {
    const GrantedWaiver* waiver = account().FindGrant(ref.agreement, ref.clause);
    if (waiver != nullptr && !waiver->grant->provider.empty()) return waiver->grant->provider;
  }
  return {};
}

int64_t RequestDraft::TakenOf(const Offer& offer, int64_t left) const {
  if (offer.promised <= left) return offer.promised;
  const bool fits = offer.min_quantity != 0 && left >= offer.min_quantity &&
                    left % std::max<int64_t>(offer.quantity_step, 1) == 0;
  return fits ? left : 0;
}

// R9, R11. Once the window of the round has closed, of the bids that qualify those win that
// together place the most and cost the least; a bid on other terms is a counter to the owner; the
// others stay in reserve until the winners are confirmed. True if the round is over by that.
bool RequestDraft::CloseBids(uint32_t number) {
  std::vector<uint32_t> bids;
  for (const Offer& offer : request_.offers) {
    if (offer.lineage != number || !offer.sealed || !offer.IsUnanswered()) continue;
    if (now_ <= offer.deadline || offer.promise != Promise::kBid) return false;
    bids.push_back(offer.number);
  }
  if (bids.empty()) return false;
  const auto rank = [&](uint32_t bid) {
    const Offer& offer = OfferOf(bid);
    return std::tuple(offer.answer->unit_price.micros, offer.answered, offer.number);
  };
  std::sort(bids.begin(), bids.end(), [&](uint32_t a, uint32_t b) { return rank(a) < rank(b); });
  std::vector<ProviderId> better;
  std::vector<Bid> qualified;
  for (const uint32_t number_of_bid : bids) {
    const Offer bid = OfferOf(number_of_bid);
    std::string_view why = WhyDisqualified(bid, better);
    std::vector<Figure> figures = why.empty() ? OtherTermsOf(bid) : std::vector<Figure>();
    if (why.empty() && figures.empty()) {
      better.push_back(bid.provider);
      qualified.push_back({bid.number, bid.promised, bid.min_quantity, bid.quantity_step,
                           bid.answer->unit_price.micros});
    } else if (why.empty() && !IsExpired()) {
      Decision counter = About(Kind::OFFER_COUNTERED, bid);
      counter.quantity = bid.promised;
      counter.unit_price = bid.answer->unit_price;
      counter.terms = bid.answer;
      counter.reason = "OTHER_TERMS";
      counter.figures = std::move(figures);
      counter.take_by = now_ + request_.request->fallback.step_window;
      Add(std::move(counter));
    } else {
      Decision out = About(Kind::BID_DISQUALIFIED, bid);
      out.reason = why.empty() ? "OTHER_TERMS" : why;
      out.text = bid.contingent;
      Add(std::move(out));
    }
  }
  const Selection selection = SelectBids(qualified, LineageOf(number).units.ToBeHad());
  for (const Bid& bid : qualified) {
    const auto won = std::find_if(selection.winners.begin(), selection.winners.end(),
                                  [&](const Winner& winner) { return winner.offer == bid.offer; });
    if (won == selection.winners.end()) {
      KeepInReserve(bid.offer, bid.quantity, "OUTBID");
      continue;
    }
    Decision selected = About(Kind::BEST_BID_SELECTED, OfferOf(bid.offer));
    selected.quantity = won->quantity;
    selected.unit_price = OfferOf(bid.offer).answer->unit_price;
    if (!selection.exact) selected.reason = "GREEDY";
    Add(std::move(selected));
  }
  return true;
}

// R11, R7, R9. Empty if the bid counts. `better`: whose bids count already.
std::string_view RequestDraft::WhyDisqualified(const Offer& bid,
                                               const std::vector<ProviderId>& better) const {
  const Provider* provider = directory_.Find(bid.provider);
  if (provider == nullptr || provider->suspended) return "SUSPENDED";
  const std::vector<Right>& rights = LineageOf(bid.lineage).rights;
  const bool contingent_counts =
      !rights.empty() && std::all_of(rights.begin(), rights.end(), [&](const Right& r) {
        const FirstRefusal* right = As<FirstRefusal>(ClauseOf(r.clause));
        return right != nullptr && right->contingent_bids;
      });
  if (!bid.contingent.empty() && !contingent_counts) return "CONTINGENT";
  const Terms terms = AgreedTermsOf(request_, bid);
  if (const Money cap = PriceCapOf(*request_.request);
      terms.unit_price.currency != cap.currency || terms.unit_price.micros > cap.micros) {
    return "PRICE_CAP";
  }
  if (IsBelowFloor(request_, account(), bid.lineage, terms)) return "FLOOR";
  const bool affiliate = std::any_of(better.begin(), better.end(), [&](const ProviderId& other) {
    return directory_.IsSameParty(other, bid.provider);
  });
  return affiliate ? "AFFILIATE" : "";
}

// R11. In what the bid is worse for the owner than what was asked, its price apart; within the
// tolerances of the clause that governs, if one does. Empty if in nothing.
std::vector<Figure> RequestDraft::OtherTermsOf(const Offer& bid) const {
  Tolerance allowed{};
  const std::vector<Right>& rights = LineageOf(bid.lineage).rights;
  if (!rights.empty()) {
    const FirstRefusal* right = As<FirstRefusal>(ClauseOf(rights.front().clause));
    if (right != nullptr) allowed.start = right->start_tolerance;
  }
  Terms asked = TermsOf(request_, bid);
  asked.unit_price = bid.answer->unit_price;
  std::vector<Figure> figures;
  for (TermDifference& difference : CompareTerms(asked, *bid.answer, allowed)) {
    if (difference.material) figures.push_back(std::move(difference.figure));
  }
  return figures;
}

// The first in reserve whose promise fits what is left. `late`: those who accepted after their
// deadline, in that order; else those who lost to somebody who then did not deliver, the cheapest
// first.
bool RequestDraft::Promote(uint32_t number, bool late) {
  const Offer* first = nullptr;
  const auto price = [&](const Offer& offer) {
    return AgreedTermsOf(request_, offer).unit_price.micros;
  };
  const int64_t cap = PriceCapOf(*request_.request).micros;
  const int64_t left = LineageOf(number).units.ToBeHad();
  for (const Offer& offer : request_.offers) {
    if (offer.lineage != number || offer.promise != Promise::kReserve ||
        (offer.state == OfferState::kLapsed) != late)
      continue;
    const Provider* provider = directory_.Find(offer.provider);
    if (provider == nullptr || provider->suspended) continue;
    if (TakenOf(offer, left) == 0 || price(offer) > cap) continue;
    if (first == nullptr || (!late && price(offer) < price(*first))) first = &offer;
  }
  if (first == nullptr) return false;
  Decision promoted = About(Kind::STANDBY_PROMOTED, *first);
  promoted.quantity = TakenOf(*first, left);
  Add(std::move(promoted));
  return true;
}

void RequestDraft::PromoteWaiting() {
  for (uint32_t i = 1; i <= request_.lineages.size(); ++i) {
    const bool waits = request_.request->fallback.kind == FallbackKind::kNone &&
                       LineageOf(i).stage == Lineage::Stage::kFallback &&
                       LineageOf(i).units.Unplaced() > 0;
    if (waits) Promote(i, /*late=*/true);
  }
}

// R16: late acceptances, then the holders once more, where their clauses say so.
bool RequestDraft::AdvanceExhausted(uint32_t number) {
  if (HasOpenOffer(number)) return false;
  if (Promote(number, /*late=*/false) || Promote(number, /*late=*/true)) return true;
  const Lineage& lineage = LineageOf(number);
  for (const Right& right : lineage.rights) {
    const bool is_over = lineage.route != Kind::ROUTE_FIRST_REFUSAL ||
                         right.state == Right::State::kEnded || right.reoffered;
    if (is_over || !FirstRefusalOf(right.clause).reoffer ||
        account().HasEnded(right.clause, now_) ||
        account().IsCoolingDown(HolderOf(right.clause), request_.request->terms, now_)) {
      continue;
    }
    AskHolder(number, ClauseRef(right.clause), OfferKind::kReoffer);
    return true;
  }
  return false;
}

void RequestDraft::LeaveCounter(uint32_t number) { Lose(number, "NOT_QUALIFIED"); }

}  // namespace capbroker
