#include "broker/deciding/request_draft.h"

#include <algorithm>
#include <utility>

#include "broker/deciding/guards.h"
#include "broker/trail/canonical.h"
#include "broker/trail/fold.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

// Why the offer's provider did not supply, as it was decided: its own answer, what became of its
// hold, or what it was told. Empty where it did, or another offer took this one's place.
std::string ReasonOf(const Offer& offer) {
  if (offer.state == OfferState::kSuperseded) return "";
  if (offer.state == OfferState::kDeclined)
    return Cat(NameOf(offer.state), ":", NameOf(offer.decline));
  const AllocationState placed = offer.allocation.state;
  if (placed == AllocationState::kExpired || placed == AllocationState::kWithdrawn)
    return std::string(NameOf(placed));
  const bool was_told = offer.state == OfferState::kRescinded ||
                        (offer.state == OfferState::kAccepted && placed == AllocationState::kNone);
  if (was_told) return offer.ending;
  return offer.state == OfferState::kAccepted ? "" : std::string(NameOf(offer.state));
}

}  // namespace

RequestDraft::RequestDraft(const Book& book, const Directory& directory, const RequestBook* request,
                           Instant now)
    : book_(book),
      directory_(directory),
      now_(now),
      draft_(request == nullptr ? std::make_shared<RequestBook>()
                                : std::make_shared<RequestBook>(*request)),
      request_(*draft_) {
  decisions_.reserve(12);  // Few acts decide more, and moving a decision is not cheap.
}

absl::StatusOr<Verdict> RequestDraft::Conclude(absl::Status refusal) {
  if (decisions_.empty()) return Verdict{{}, std::move(refusal)};
  if (fault_.ok()) fault_ = CheckAct(request_, account(), decisions_);
  if (!fault_.ok())
    return Refuse(absl::StatusCode::kInternal, "BROKER_FAULT", View(fault_.message()));
  request_.sequence = book_.sequence + 1;
  return Verdict{std::move(decisions_), std::move(refusal), std::move(draft_)};
}

void RequestDraft::Add(Decision decision) {
  if (!IsSound()) return;
  fault_ = Fold(request_, decision, now_);
  if (IsSound() && TouchesAccount(decision)) {
    if (!account_) account_ = book_.account;
    Fold(*account_, decision, now_);
  }
  decisions_.push_back(std::move(decision));
}

Decision RequestDraft::About(Kind kind, const Offer& offer) {
  Decision decision{.kind = kind};
  decision.lineage = offer.lineage;
  decision.offer = offer.number;
  decision.provider = offer.provider;
  return decision;
}

void RequestDraft::AddRoutes(const Routing& routing, uint32_t replaces, const ProviderId& left_by) {
  for (const AggregationTest& test : routing.aggregations) {
    Decision counted{.kind = Kind::AGGREGATION_APPLIED};
    counted.clause = test.clause;
    counted.aggregate = std::make_shared<const Aggregate>(test.adds);
    counted.counted = test.others;
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
    routed.provider = left_by;
    routed.segments = route.segments;
    routed.quantity = SumOf(route.segments);
    routed.clauses = route.clauses;
    routed.passed = route.passed;
    const uint32_t lineage = routed.lineage;
    Add(std::move(routed));
    for (const WaiverDraw& draw : route.drawn) {  // R20: every use is drawn.
      Decision drawn{.kind = Kind::WAIVER_DRAWN};
      drawn.lineage = lineage;
      drawn.clause = draw.waiver;
      drawn.segments = draw.segments;
      drawn.quantity = SumOf(draw.segments);
      Add(std::move(drawn));
    }
  }
}

void RequestDraft::RestoreWaiversOf(uint32_t number, const SegmentList& units,
                                    std::string_view reason) {
  const std::vector<WaiverDraw> drawn = LineageOf(number).drawn;
  for (const WaiverDraw& draw : drawn) {
    Decision restored{.kind = Kind::WAIVER_RESTORED};
    restored.lineage = number;
    restored.clause = draw.waiver;
    restored.segments = CommonOf(draw.segments, units);
    restored.quantity = SumOf(restored.segments);
    restored.reason = reason;
    if (restored.quantity > 0) Add(std::move(restored));
  }
}

void RequestDraft::RestoreWaivers() {
  for (uint32_t i = 1; i <= request_.lineages.size(); ++i)
    RestoreWaiversOf(i, SegmentList(LineageOf(i).unplaced), "NOT_PLACED");
}

// R9: no offer for no unit.
void RequestDraft::Open(uint32_t lineage, Question question) {
  if (question.quantity <= 0) return;
  Decision opened{.kind = Kind::OFFER_OPENED};
  opened.lineage = lineage;
  opened.offer = static_cast<uint32_t>(request_.offers.size()) + 1;
  opened.replaces = question.replaces;
  opened.matches = question.matches;
  opened.offer_kind = question.kind;
  opened.provider = std::move(question.provider);
  opened.clause = std::move(question.clause);
  opened.quantity = question.quantity;
  opened.min_quantity = question.parts.min_quantity;
  opened.quantity_step = question.parts.step;
  opened.unit_price = question.unit_price;
  opened.sealed = question.sealed;
  opened.continues = question.continues;
  opened.deadline = question.deadline;  // R3: frozen here.
  Terms terms = question.terms != nullptr ? *question.terms : request_.request->terms;
  terms.quantity = question.quantity;
  terms.unit_price = question.unit_price;
  opened.terms_hash = HashTerms(terms);
  opened.terms = std::move(question.terms);
  Add(std::move(opened));
}

bool RequestDraft::HasOpenOffer(uint32_t lineage) const {
  return std::any_of(request_.offers.begin(), request_.offers.end(), [&](const Offer& offer) {
    const bool is_asked = offer.IsUnanswered() && !request_.IsExchange(offer);
    return offer.lineage == lineage && (is_asked || offer.promise == Promise::kCounter);
  });
}

void RequestDraft::Advance() {
  do {
    for (uint32_t i = 1; IsSound() && i <= request_.lineages.size(); ++i) AdvanceLineage(i);
    AdvanceExchanges();
    AskConsents();
  } while (IsSound() && Settle());
}

void RequestDraft::AdvanceLineage(uint32_t number) {
  using Stage = Lineage::Stage;
  for (bool goes_on = true; goes_on && IsSound();) {
    const Lineage& lineage = LineageOf(number);
    if (const Offer* candidate = request_.CandidateOf(lineage); candidate != nullptr) {
      goes_on = Match(candidate->number);
      continue;
    }
    // A request that has expired opens nothing more (R25).
    if (lineage.units.Unplaced() == 0 || IsExpired()) return;
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
        if (IsLifted(number)) Unblock(number);
        return;
      case Stage::kClosed:
        Reroute(number);
        return;
    }
  }
}

void RequestDraft::PassTime() {
  while (IsSound()) {
    const std::vector<Due> dues = DuesOf(account(), request_);
    const auto next = std::find_if(dues.begin(), dues.end(), [&](const Due& due) {
      return due.at < now_ && due.what != Due::What::kExpiry;
    });
    if (next == dues.end()) break;
    const size_t before = decisions_.size();
    Carry(*next);
    if (decisions_.size() == before) {  // R31.
      fault_ = absl::InternalError(Cat("the deadline ", Format(next->at), " of kind ",
                                       static_cast<int>(next->what), " decides nothing"));
    }
  }
  if (!IsFinished(request_.state)) Advance();
  if (IsSound() && !IsFinished(request_.state) && IsExpired() && LastWindow(request_) < now_)
    EndExpired();
}

void RequestDraft::Carry(const Due& due) {
  switch (due.what) {
    case Due::What::kNotice: {
      const Offer offer = OfferOf(due.offer);
      const bool is_release = offer.allocation.notice == Allocation::Notice::kRelease;
      const bool comes_back = !is_release && request_.IsRoutedAnew(now_);
      GiveUp(is_release ? Kind::ALLOCATION_RELEASED : Kind::ALLOCATION_WITHDRAWN, due.offer,
             "NOTICED", "");
      if (comes_back)
        RerouteUnits(offer.lineage, offer.allocation.segments, offer.provider);  // R15.
      return;
    }
    case Due::What::kVoid: {
      Decision voided = About(Kind::OFFER_VOIDED, OfferOf(due.offer));  // R17.
      voided.clause = OfferOf(due.offer).clause;
      voided.reason = "CLAUSE_ENDED";
      return Add(std::move(voided));
    }
    case Due::What::kLapse: {
      Decision lapsed = About(Kind::OFFER_LAPSED, OfferOf(due.offer));  // R4: the instant itself
      lapsed.deadline = OfferOf(due.offer).deadline;                    // is timely.
      Add(std::move(lapsed));
      return EndRight(due.offer, "SILENCE");  // R5.
    }
    case Due::What::kRound:
      CloseBids(due.lineage);
      return;
    case Due::What::kCounter:
      if (OfferOf(due.offer).clause.IsSet())
        return EndRight(due.offer, "COUNTER_NOT_TAKEN");  // R7.
      return LeaveCounter(due.offer);
    case Due::What::kHold:
      return ExpireHold(due.offer, "NOT_CONFIRMED");
    case Due::What::kRevival:
      return Revive(due.lineage, due.right);
    case Due::What::kUnblock:
      return Unblock(due.lineage);
    case Due::What::kExpiry:
      return;  // PassTime, once every window has ended.
  }
}

void RequestDraft::Reroute(uint32_t number) {
  RerouteUnits(number, SegmentList(LineageOf(number).unplaced), {});
}

void RequestDraft::RerouteUnits(uint32_t number, const SegmentList& units,
                                const ProviderId& left_by) {
  RestoreWaiversOf(number, units, "ROUTED_ANEW");
  std::vector<ProviderId> absent = LineageOf(number).absent;
  if (!left_by.empty()) absent.push_back(left_by);
  AddRoutes(RouteRequest(*request_.request, units, account(), now_, absent), number, left_by);
}

void RequestDraft::RescindOffers(std::string_view reason) {
  for (uint32_t i = 1; i <= request_.offers.size(); ++i) {
    const Offer& offer = OfferOf(i);
    if (offer.state == OfferState::kOpen) {
      Decision rescinded = About(Kind::OFFER_RESCINDED, offer);
      rescinded.reason = reason;
      Add(std::move(rescinded));
    } else if (offer.promise != Promise::kNone) {
      Lose(i, reason);
    }
  }
}

// R14, R16: once nothing is left to ask, holds are confirmed and the request ends; or it stays
// BLOCKED. True if a hold could not be confirmed, so that there is something to ask again.
bool RequestDraft::Settle() {
  using Stage = Lineage::Stage;
  if (IsFinished(request_.state)) return false;
  const auto unplaced = [&] {
    int64_t sum = 0;
    for (const Lineage& lineage : request_.lineages) sum += lineage.units.Unplaced();
    return sum;
  };
  bool blocked = false;
  for (const Lineage& lineage : request_.lineages) {
    if (lineage.units.Unplaced() == 0) continue;
    const bool waits = lineage.stage == Stage::kRights || lineage.stage == Stage::kFallback ||
                       request_.CandidateOf(lineage) != nullptr || HasOpenOffer(lineage.number);
    if (waits) return false;
    blocked |= lineage.stage == Stage::kBlocked;
  }
  const int64_t before = unplaced();
  ConfirmHolds();
  if (unplaced() > before) return true;
  const bool pending =
      std::any_of(request_.offers.begin(), request_.offers.end(), [&](const Offer& offer) {
        return offer.allocation.state == AllocationState::kHeld ||
               (request_.IsExchange(offer) &&
                (offer.IsUnanswered() || offer.promise == Promise::kSelected));
      });
  if (blocked || pending) return false;
  RescindOffers("REQUEST_ENDED");  // Those in reserve whose promises fit nothing.
  End(Kind::REQUEST_UNFILLED, "EXHAUSTED");
  return false;
}

// `empty`: how it ends with nothing placed.
void RequestDraft::End(Kind empty, std::string_view reason) {
  RestoreWaivers();
  Decision end{.kind = empty};
  end.quantity = request_.Standing();
  const bool is_whole =
      std::all_of(request_.lineages.begin(), request_.lineages.end(),
                  [](const Lineage& lineage) { return lineage.units.Unplaced() == 0; });
  if (end.quantity > 0 && is_whole) {
    end.kind = Kind::REQUEST_FULFILLED;
  } else {
    if (end.quantity > 0) end.kind = Kind::REQUEST_PARTIALLY_FULFILLED;
    end.reason = reason;
    end.passed = Reasons();
  }
  Add(std::move(end));
}

// R25. What was placed stands, each part being of use by itself (Request::smallest_useful); the
// rest ends.
void RequestDraft::EndExpired() {
  RescindOffers("EXPIRED");
  ConfirmHolds();
  EndHolds(Kind::ALLOCATION_EXPIRED, "EXPIRED");
  End(Kind::REQUEST_EXPIRED, "EXPIRED");
}

// R16: each provider once, with the last that is known of it.
std::vector<Passed> RequestDraft::Reasons() const {
  std::vector<Passed> reasons;
  const auto add = [&](Passed passed) {
    for (Passed& known : reasons) {
      if (known.provider != passed.provider) continue;
      known = std::move(passed);
      return;
    }
    reasons.push_back(std::move(passed));
  };
  for (const Lineage& lineage : request_.lineages) {
    for (const Passed& passed : lineage.skipped) add(passed);
    for (const Offer& offer : request_.offers) {
      if (offer.lineage != lineage.number) continue;
      if (std::string reason = ReasonOf(offer); !reason.empty())
        add({offer.provider, offer.clause, std::move(reason), offer.text});
    }
  }
  return reasons;
}

}  // namespace capbroker
