#include "broker/deciding/rounds.h"

#include <algorithm>
#include <utility>

#include "broker/trail/canonical.h"
#include "broker/trail/fold.h"
#include "broker/values/text.h"

namespace capbroker {

Rounds::Rounds(const Book& book, const Directory& directory, const RequestBook* request,
               Instant now)
    : book_(book),
      directory_(directory),
      now_(now),
      draft_(request == nullptr ? std::make_shared<RequestBook>()
                                : std::make_shared<RequestBook>(*request)),
      request_(*draft_) {
  decisions_.reserve(12);  // Few acts decide more, and moving a decision is not cheap.
}

Verdict Rounds::Conclude(absl::Status refusal) {
  if (decisions_.empty()) return {{}, std::move(refusal)};
  request_.sequence = book_.sequence + 1;
  return {std::move(decisions_), std::move(refusal), std::move(draft_)};
}

void Rounds::Add(Decision decision) {
  Fold(request_, decision, now_);
  if (TouchesAccount(decision)) {
    if (!account_) account_ = book_.account;
    Fold(*account_, decision, now_);
  }
  decisions_.push_back(std::move(decision));
}

Decision Rounds::About(Kind kind, const Offer& offer) {
  Decision decision{.kind = kind};
  decision.lineage = offer.lineage;
  decision.offer = offer.number;
  decision.provider = offer.provider;
  return decision;
}

std::vector<WaiverUse> CreditOf(const Lineage& lineage) {
  std::vector<WaiverUse> credit = lineage.drawn;
  for (WaiverUse& use : credit) use.drawn = std::min(use.drawn, lineage.remaining);
  return credit;
}

namespace {

ClauseRef RefOfWaiver(const Routing& routing, const WaiverUse& use) {
  for (const WaiverTest& test : routing.tests) {
    if (test.waiver.agreement == use.agreement && test.waiver.clause == use.clause)
      return test.waiver;
  }
  return {};
}

}  // namespace

void Rounds::AddRoutes(const Routing& routing, uint32_t replaces,
                       const std::vector<WaiverUse>& credit) {
  for (const AggregationTest& test : routing.aggregations) {
    Decision counted{.kind = Kind::AGGREGATION_APPLIED};
    counted.clause = test.clause;
    counted.aggregate = std::make_shared<const Aggregate>(test.adds);
    counted.reason = test.reached ? "REACHED" : "BELOW";
    counted.figures = {test.figure};
    Add(std::move(counted));
  }
  for (const WaiverTest& test : routing.tests) {
    Decision tested{.kind = Kind::WAIVER_TESTED};
    tested.clause = test.waiver;
    tested.reason = test.reason;
    tested.figures = test.figures;
    Add(std::move(tested));
  }
  for (const Route& route : routing.routes) {
    Decision routed{.kind = route.kind};
    routed.lineage = static_cast<uint32_t>(request_.lineages.size()) + 1;
    routed.replaces = replaces;
    routed.segments = route.segments;
    routed.quantity = route.quantity;
    routed.clauses = route.clauses;
    routed.passed = route.passed;
    const uint32_t lineage = routed.lineage;
    Add(std::move(routed));
    for (const WaiverUse& use : route.drawn) {  // R20: every use is drawn.
      Decision drawn{.kind = Kind::WAIVER_DRAWN};
      drawn.lineage = lineage;
      drawn.clause = RefOfWaiver(routing, use);
      drawn.quantity = use.drawn;
      for (const WaiverUse& back : credit) {
        if (back.agreement == use.agreement && back.clause == use.clause)
          drawn.quantity -= back.drawn;
      }
      if (drawn.quantity > 0) Add(std::move(drawn));
    }
  }
}

void Rounds::Open(uint32_t lineage, Question question) {
  Decision opened{.kind = Kind::OFFER_OPENED};
  opened.lineage = lineage;
  opened.offer = static_cast<uint32_t>(request_.offers.size()) + 1;
  opened.replaces = question.replaces;
  opened.offer_kind = question.kind;
  opened.provider = std::move(question.provider);
  opened.clause = std::move(question.clause);
  opened.quantity = question.quantity;
  opened.min_quantity = question.parts.min_quantity;
  opened.quantity_step = question.parts.step;
  opened.unit_price = question.unit_price;
  opened.sealed = question.sealed;
  opened.deadline = question.deadline;  // R3: frozen here.
  Terms terms = question.terms != nullptr ? *question.terms : request_.request->terms;
  terms.quantity = question.quantity;
  terms.unit_price = question.unit_price;
  opened.terms_hash = HashTerms(terms);
  opened.terms = std::move(question.terms);
  Add(std::move(opened));
}

bool Rounds::HasOpenOffer(uint32_t lineage) const {
  return std::any_of(request_.offers.begin(), request_.offers.end(), [&](const Offer& offer) {
    const bool is_countered = offer.state == OfferState::kCountered && offer.take_by.IsSet();
    const bool is_open =
        offer.state == OfferState::kOpen && !offer.standby && !request_.IsExchange(offer);
    return offer.lineage == lineage && (is_open || is_countered);
  });
}

void Rounds::Advance() {
  do {
    for (uint32_t i = 1; i <= request_.lineages.size(); ++i) AdvanceLineage(i);
  } while (Settle());
}

void Rounds::AdvanceLineage(uint32_t number) {
  using Stage = Lineage::Stage;
  for (bool goes_on = true; goes_on;) {
    const Lineage& lineage = LineageOf(number);
    if (lineage.remaining == 0) return;
    if (lineage.candidate != 0) {
      goes_on = Match(number);
      continue;
    }
    switch (lineage.stage) {
      case Stage::kRights:
        goes_on = AdvanceRights(number);
        break;
      case Stage::kFallback:
        goes_on = AdvanceFallback(number);
        break;
      case Stage::kExhausted:
        goes_on = AdvanceExhausted(number);
        break;
      case Stage::kBlocked:
        return;
      case Stage::kClosed:
        Reroute(number);
        return;
    }
  }
}

void Rounds::EndWhatIsOver() {
  for (size_t i = 0; i < request_.offers.size(); ++i) {
    const Offer& offer = request_.offers[i];
    const uint32_t number = offer.number;
    if (offer.state == OfferState::kOpen && !offer.standby && !offer.has_bid &&
        now_ > offer.deadline) {
      Decision lapsed = About(Kind::OFFER_LAPSED, offer);  // R4: the instant itself is timely.
      lapsed.deadline = offer.deadline;
      Add(std::move(lapsed));
      EndRight(number, "SILENCE");  // R5.
    } else if (offer.state == OfferState::kOpen && offer.clause.IsSet() &&
               AskingOf(*account().Find(offer.clause))->void_on_end &&
               account().HasEnded(offer.clause, now_)) {
      Decision voided = About(Kind::OFFER_VOIDED, offer);  // R17.
      voided.clause = offer.clause;
      voided.reason = "CLAUSE_ENDED";
      Add(std::move(voided));
    } else if (offer.state == OfferState::kCountered && offer.take_by.IsSet() &&
               now_ > offer.take_by) {
      EndRight(number, "COUNTER_NOT_TAKEN");  // R7.
    } else if (offer.allocation == AllocationState::kHeld && offer.confirm_by.IsSet() &&
               now_ > offer.confirm_by) {
      ExpireHold(number, "NOT_CONFIRMED");
    } else if (offer.allocation == AllocationState::kConfirmed && offer.withdraws.IsSet() &&
               now_ >= offer.withdraws) {
      const uint32_t lineage = offer.lineage;
      GiveUp(Kind::ALLOCATION_WITHDRAWN, Offer(offer), "NOTICED", "");
      if (now_ <= request_.request->expiry) Reroute(lineage);
    }
  }
  for (uint32_t i = 1; i <= request_.lineages.size(); ++i) {
    for (size_t r = 0; r < LineageOf(i).rights.size(); ++r) {
      const Right right = LineageOf(i).rights[r];
      if (right.close_by.IsSet() && now_ > right.close_by && now_ <= request_.request->expiry &&
          request_.IsUnconfirmed(LineageOf(i)))
        Revive(i, right.clause);
    }
    if (now_ <= request_.request->expiry && WaiverDue(account(), request_, LineageOf(i)) <= now_)
      Unblock(i);
  }
}

// What remains of a lineage, by segment of the request: it fills its segments in their order.
std::vector<int64_t> Rounds::RemainderOf(const Lineage& lineage) const {
  std::vector<int64_t> todo(request_.request->segments.size());
  int64_t left = lineage.remaining;
  for (auto segment = lineage.segments.rbegin(); segment != lineage.segments.rend() && left > 0;
       ++segment) {
    todo[*segment] = std::min(left, request_.request->segments[*segment].quantity);
    left -= todo[*segment];
  }
  return todo;
}

void Rounds::Reroute(uint32_t number) {
  const Lineage& lineage = LineageOf(number);
  const std::vector<WaiverUse> credit = CreditOf(lineage);
  const absl::StatusOr<Routing> routing =
      RouteRequest(*request_.request, RemainderOf(lineage), WithCredit(account(), credit), now_);
  if (routing.ok()) AddRoutes(*routing, number, credit);
}

void Rounds::RescindOffers(std::string_view reason) {
  for (size_t i = 0; i < request_.offers.size(); ++i) {
    const Offer& offer = request_.offers[i];
    const bool is_chosen = LineageOf(offer.lineage).candidate == offer.number ||
                           (offer.standby && offer.state != OfferState::kLapsed);
    if (offer.state != OfferState::kOpen && !is_chosen) continue;
    Decision told =
        About(offer.state == OfferState::kOpen ? Kind::OFFER_RESCINDED : Kind::BID_LOST, offer);
    told.reason = reason;
    Add(std::move(told));
  }
}

// R14, R16: once nothing is left to ask, holds are confirmed and the request ends; or it stays
// BLOCKED. True if a hold could not be confirmed, so that there is something to ask again.
bool Rounds::Settle() {
  using Stage = Lineage::Stage;
  bool blocked = false;
  int64_t unplaced = 0;
  for (const Lineage& lineage : request_.lineages) {
    if (lineage.remaining == 0) continue;
    const bool waits = lineage.stage == Stage::kRights || lineage.stage == Stage::kFallback ||
                       lineage.candidate != 0 || HasOpenOffer(lineage.number);
    if (waits) return false;
    blocked |= lineage.stage == Stage::kBlocked;
    unplaced += lineage.remaining;
  }
  ConfirmHolds();
  int64_t unplaced_now = 0;
  for (const Lineage& lineage : request_.lineages) unplaced_now += lineage.remaining;
  if (unplaced_now > unplaced) return true;
  const bool pending =
      std::any_of(request_.offers.begin(), request_.offers.end(), [&](const Offer& offer) {
        return offer.allocation == AllocationState::kHeld ||
               (IsStanding(offer.allocation) && offer.withdraws.IsSet()) ||
               (offer.state == OfferState::kOpen && request_.IsExchange(offer));
      });
  if (blocked || pending || IsFinished(request_.state)) return false;
  RescindOffers("REQUEST_ENDED");  // Those in reserve whose promises fit nothing.
  Decision end{.kind = Kind::REQUEST_FULFILLED};
  end.quantity = request_.Standing();
  if (unplaced > 0) {
    end.kind = end.quantity > 0 ? Kind::REQUEST_PARTIALLY_FULFILLED : Kind::REQUEST_UNFILLED;
    end.reason = "EXHAUSTED";
    end.passed = Reasons();
  }
  Add(std::move(end));
  return false;
}

std::vector<Passed> Rounds::Reasons() const {
  std::vector<Passed> reasons;
  for (const Lineage& lineage : request_.lineages) {
    reasons.insert(reasons.end(), lineage.skipped.begin(), lineage.skipped.end());
  }
  for (const Offer& offer : request_.offers) {
    if (offer.state == OfferState::kAccepted || offer.state == OfferState::kSuperseded) continue;
    const bool declined = offer.state == OfferState::kDeclined;
    reasons.push_back({offer.provider, offer.clause,
                       Cat(NameOf(offer.state), declined ? ":" : "", NameOf(offer.decline)),
                       offer.text});
  }
  return reasons;
}

}  // namespace capbroker
