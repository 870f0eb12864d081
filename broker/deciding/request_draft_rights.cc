// What holders are asked: first, to match, once more; and what becomes of their rights.
#include <algorithm>
#include <utility>

#include "broker/deciding/request_draft.h"
#include "broker/routing/compare.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

// The owner's terms of this offer, or those of the bid it was to match, were not taken as they
// stood: by a decline, by silence, by other terms, for a part only, or by a hold that came to
// nothing.
bool IsRefused(const Offer& offer) {
  switch (offer.state) {
    case OfferState::kDeclined:
    case OfferState::kLapsed:
    case OfferState::kCountered:
    case OfferState::kPartiallyAccepted:
      return true;
    case OfferState::kAccepted:
      return offer.allocation.state == AllocationState::kExpired ||
             offer.allocation.state == AllocationState::kWithdrawn;
    default:
      return false;
  }
}

}  // namespace

// R3.
Instant RequestDraft::DeadlineUnder(const ClauseRef& ref, const Window& window) const {
  const AgreementVersion& version = *account().Find(ref.agreement, ref.version);
  return AddWindow(CalendarOf(version, *FindClause(version, ref.clause)), now_, window);
}

// The next right in order. R1: in mode MATCH it is asked when there is a bid. R17: a right whose
// clause has ended since the request was routed opens no new round. R8: a holder that asked not to
// be asked is not.
bool RequestDraft::AdvanceRights(uint32_t number) {
  if (HasOpenOffer(number)) return false;
  const Lineage& lineage = LineageOf(number);
  const bool exclusive = lineage.route == Kind::ROUTE_EXCLUSIVE;
  for (const Right& right : lineage.rights) {
    if (right.state != Right::State::kStanding) continue;
    const ClauseRef ref = right.clause;
    const ProviderId holder = HolderOf(ref);
    if (GaveBack(request_, lineage, holder)) {
      WaiveWithdrawn(number, ref);
      return true;
    }
    if (!exclusive && FirstRefusalOf(ref).mode == Mode::kMatch) continue;
    if (account().HasEnded(ref, now_)) {
      PassOverHolder(number, ref, "CLAUSE_ENDED");
      if (exclusive) Reroute(number);  // What it stood before may be in force still.
    } else if (!exclusive && Lift(number, ref)) {
      PassOverHolder(number, ref, "WAIVED");
    } else if (account().IsCoolingDown(holder, request_.request->terms, now_)) {
      PassOverHolder(number, ref, "COOL_DOWN");
    } else if (HasRefusedUnderAnother(number, ref, holder)) {
      PassOverHolder(number, ref, "ALREADY_ASKED");
    } else {
      AskHolder(number, ref, exclusive ? OfferKind::kExclusiveAsk : OfferKind::kFirstOffer);
    }
    return true;
  }
  Decision fallback{.kind = Kind::FALLBACK_STARTED};
  fallback.lineage = number;
  fallback.quantity = lineage.units.Unplaced();
  fallback.reason = NameOf(request_.request->fallback.kind);
  Add(std::move(fallback));
  return true;
}

// R20. A waiver that the holder has written for this request since it was routed counts when the
// turn of its right comes. True if the right is lifted, for units that are then drawn.
bool RequestDraft::Lift(uint32_t number, const ClauseRef& ref) {
  const Lineage& lineage = LineageOf(number);
  const std::vector<WaiverDraw> drawn = lineage.drawn;
  const Lifting lifting = LiftingOf(ref, *request_.request, lineage.unplaced, account(), now_);
  for (const WaiverTest& test : lifting.tests) {
    Decision tested{.kind = Kind::WAIVER_TESTED};
    tested.lineage = number;
    tested.clause = test.waiver;
    tested.reason = test.reason;
    tested.figures = test.figures;
    Add(std::move(tested));
  }
  for (const WaiverDraw& draw : lifting.draws) {
    Decision draws{.kind = Kind::WAIVER_DRAWN};
    draws.lineage = number;
    draws.clause = draw.waiver;
    draws.segments = draw.segments;
    for (const WaiverDraw& known : drawn) {  // Once is enough.
      if (known.waiver == draw.waiver)
        (void)TakeFrom(draws.segments, CommonOf(draws.segments, known.segments));
    }
    draws.quantity = SumOf(draws.segments);
    if (draws.quantity > 0) Add(std::move(draws));
  }
  return !lifting.draws.empty();
}

// Whether the holder of several rights over the lineage has said no to the same terms under
// another.
bool RequestDraft::HasRefusedUnderAnother(uint32_t number, const ClauseRef& ref,
                                          const ProviderId& holder) const {
  return std::any_of(request_.offers.begin(), request_.offers.end(), [&](const Offer& offer) {
    if (offer.lineage != number || offer.provider != holder || !offer.clause.IsSet() ||
        offer.clause == ref || offer.kind == OfferKind::kMatch || !IsRefused(offer)) {
      return false;
    }
    Terms asked = TermsOf(request_, offer);
    asked.quantity = request_.request->terms.quantity;  // The junior right is over what remains.
    return asked == request_.request->terms;
  });
}

void RequestDraft::AskHolder(uint32_t number, const ClauseRef& ref, OfferKind kind) {
  const Clause& clause = ClauseOf(ref);
  const int64_t lot = LineageOf(number).units.Unplaced();
  Question question{.kind = kind,
                    .provider = HolderOf(ref),
                    .clause = ref,
                    .quantity = lot,
                    .parts = PartsOf(*request_.request, lot, &clause),
                    .unit_price = request_.request->terms.unit_price};
  question.deadline =
      DeadlineUnder(ref, kind == OfferKind::kReoffer ? FirstRefusalOf(ref).ReofferWindow()
                                                     : AskingOf(clause)->window);
  for (const Offer& before :
       request_.offers) {  // What an amendment took from the same holder goes on here.
    if (before.state == OfferState::kSuperseded && before.successor == 0 &&
        before.provider == question.provider)
      question.replaces = before.number;
  }
  Open(number, std::move(question));
}

// R15: who gave the units back after confirming them is not asked for them again.
void RequestDraft::WaiveWithdrawn(uint32_t number, const ClauseRef& ref) {
  Decision waived{.kind = Kind::RIGHT_WAIVED};
  waived.lineage = number;
  waived.provider = HolderOf(ref);
  waived.clause = ref;
  waived.quantity = LineageOf(number).units.Unplaced();
  waived.reason = "WITHDREW";
  Add(std::move(waived));
}

void RequestDraft::PassOverHolder(uint32_t number, const ClauseRef& ref, std::string_view reason) {
  const Lineage& lineage = LineageOf(number);
  Decision skipped{.kind = Kind::PROVIDER_SKIPPED};
  skipped.lineage = number;
  skipped.provider = HolderOf(ref);
  skipped.clause = ref;
  skipped.reason = reason;
  Decision blocked{.kind = Kind::REQUEST_BLOCKED};
  blocked.lineage = number;
  blocked.provider = skipped.provider;
  blocked.clause = ref;
  blocked.quantity = lineage.units.Unplaced();
  blocked.reason = reason;
  const bool blocks = lineage.route == Kind::ROUTE_EXCLUSIVE && reason != "CLAUSE_ENDED";  // R19.
  Add(std::move(skipped));
  if (blocks) Add(std::move(blocked));
}

void RequestDraft::EndRight(uint32_t number, std::string_view reason) {
  const Offer offer = OfferOf(number);
  const Lineage& lineage = LineageOf(offer.lineage);
  const Allocation& allocation = offer.allocation;
  const bool is_proposal =  // R13: its end changes nothing.
      request_.IsExchange(offer) && allocation.state == AllocationState::kNone;
  const bool is_about_lot = offer.matches == 0;  // A match may be of what is placed already.
  if (!offer.clause.IsSet() || is_proposal || (is_about_lot && lineage.units.Unplaced() == 0))
    return;
  if (account().HasEnded(offer.clause, now_)) {  // R17: no right is left to waive.
    if (offer.promise == Promise::kCounter) Lose(number, reason);
    return;
  }
  const bool exclusive = lineage.route == Kind::ROUTE_EXCLUSIVE;
  // Over what it was asked and does not supply; a block is of all that is left.
  const bool gave_back = allocation.state != AllocationState::kNone && !allocation.IsStanding();
  const int64_t refused =
      gave_back ? allocation.quantity : offer.quantity - SumOf(allocation.segments);
  Decision ended = About(exclusive ? Kind::REQUEST_BLOCKED : Kind::RIGHT_WAIVED, offer);
  ended.clause = offer.clause;
  ended.quantity = exclusive ? lineage.units.Unplaced() : refused;
  ended.reason = reason;
  if (!exclusive && FirstRefusalOf(offer.clause).close_within > Span{})
    ended.close_by = now_ + FirstRefusalOf(offer.clause).close_within;  // R12.
  Add(std::move(ended));
}

void RequestDraft::WaiveRemainder(uint32_t number) {
  const Offer& offer = OfferOf(number);
  if (offer.matches == 0 && !request_.IsExchange(offer)) EndRight(number, "REMAINDER");
}

// What the holder last refused under this clause: of this lineage or, if it was asked nothing
// there, of the lineages before it; or under another clause, where it is asked once for both (R10).
const Offer* RequestDraft::LastRefusal(uint32_t number, const ClauseRef& ref) const {
  const Offer *elsewhere = nullptr, *under_another = nullptr;
  const ProviderId holder = HolderOf(ref);
  for (auto offer = request_.offers.rbegin(); offer != request_.offers.rend(); ++offer) {
    const bool is_of_clause =
        offer->clause.agreement == ref.agreement && offer->clause.clause == ref.clause;
    if (!IsRefused(*offer)) continue;
    if (is_of_clause && offer->lineage == number) return &*offer;
    if (is_of_clause && elsewhere == nullptr) elsewhere = &*offer;
    if (offer->clause.IsSet() && offer->provider == holder && offer->lineage == number &&
        under_another == nullptr)
      under_another = &*offer;
  }
  return elsewhere != nullptr ? elsewhere : under_another;
}

// R1, R10: the holders over the lineage may stand before the one that is selected, each in its
// turn. True if the lineage goes on by itself.
bool RequestDraft::Match(uint32_t number) {
  const bool is_asked =
      std::any_of(request_.offers.begin(), request_.offers.end(), [&](const Offer& offer) {
        return offer.matches == number && offer.state == OfferState::kOpen;
      });
  if (is_asked) return false;
  const uint32_t lineage = OfferOf(number).lineage;
  if (!OfferOf(number).clause.IsSet()) {  // A holder's own offers serve a right themselves.
    for (size_t i = OfferOf(number).rights_passed; i < LineageOf(lineage).rights.size(); ++i) {
      const Right right = LineageOf(lineage).rights[i];
      if (right.state == Right::State::kEnded) continue;
      const Matched matched = MatchUnder(number, right);
      if (matched != Matched::kPassed) return matched == Matched::kLost;
    }
  }
  Hold(number);
  return true;
}

RequestDraft::Matched RequestDraft::MatchUnder(uint32_t number, const Right& right) {
  const ClauseRef& ref = right.clause;
  const Offer bid = OfferOf(number);
  const bool is_exchange = request_.IsExchange(bid);
  const Terms terms = AgreedTermsOf(request_, bid);
  const ProviderId holder = HolderOf(ref);
  const FirstRefusal& clause = FirstRefusalOf(ref);
  const Offer* refused = LastRefusal(bid.lineage, ref);

  Decision decision = About(Kind::MATCH_NOT_REQUIRED, bid);
  decision.clause = ref;
  // What a holder was never asked it has not refused.
  bool material = clause.mode == Mode::kMatch || refused == nullptr;
  bool differs = material;
  if (refused != nullptr) {
    const Terms asked = TermsOf(request_, *refused);
    for (TermDifference& difference :
         CompareTerms(asked, terms, {clause.price_tolerance_ppm, clause.start_tolerance})) {
      material |= difference.material;
      differs |= difference.differs;
      decision.figures.push_back(std::move(difference.figure));
    }
    if (const auto smaller = CompareParts(*refused, bid); smaller && !is_exchange) {
      material = differs = true;
      decision.figures.push_back(*smaller);
    }
  }
  // In mode FIRST_OFFER the holder has its one question, on the owner's terms; those of an exchange
  // are the owner's too, and others than it was asked about.
  if (clause.mode == Mode::kFirstOffer && !is_exchange) {
    decision.reason = material ? "MODE_FIRST_OFFER" : "WITHIN_TOLERANCE";
  } else if (!material && !(clause.match_always && differs)) {
    decision.reason = "WITHIN_TOLERANCE";
  } else if (account().HasEnded(ref, now_)) {
    decision.kind = Kind::MATCH_SKIPPED;
    decision.reason = "CLAUSE_ENDED";  // R17.
  } else if (Lift(bid.lineage, ref)) {
    decision.kind = Kind::MATCH_SKIPPED;
    decision.reason = "WAIVED";
  } else if (directory_.IsSameParty(holder, bid.provider)) {
    decision.kind = Kind::MATCH_SKIPPED;
    decision.reason = "SAME_PARTY";
  } else if (account().IsCoolingDown(holder, request_.request->terms, now_)) {
    decision.kind = Kind::MATCH_SKIPPED;
    decision.reason = "COOL_DOWN";
  } else {
    decision.kind = Kind::MATCH_REQUIRED;
    decision.reason = clause.mode == Mode::kMatch ? "MODE_MATCH"
                      : material                  ? "BETTER_TERMS"
                                                  : "ALWAYS";
  }
  const bool asks = decision.kind == Kind::MATCH_REQUIRED;
  Add(std::move(decision));
  if (!asks) return Matched::kPassed;
  if (IsExpired()) {  // R25: nobody is asked any more.
    Lose(number, "EXPIRED");
    return Matched::kLost;
  }
  Open(bid.lineage, {.kind = OfferKind::kMatch,
                     .provider = holder,
                     .clause = ref,
                     .quantity = bid.promised,
                     .unit_price = terms.unit_price,
                     .terms = std::make_shared<const Terms>(terms),
                     .matches = number,
                     .deadline = DeadlineUnder(ref, clause.MatchWindow())});
  return Matched::kAsked;
}

// R10, R13: what is accepted in exchange passes the holders as every placement does, beside the
// lots.
void RequestDraft::AdvanceExchanges() {
  for (uint32_t i = 1; IsSound() && i <= request_.offers.size(); ++i) {
    const Offer& offer = OfferOf(i);
    if (offer.promise == Promise::kSelected && request_.IsExchange(offer)) Match(i);
  }
}

// R12: what alternatives have not confirmed goes back, and the holder is asked again. What the
// holder itself holds, is asked to match or has promised stays.
void RequestDraft::Revive(uint32_t number, const ClauseRef& ref) {
  const ProviderId holder = HolderOf(ref);
  for (uint32_t i = 1; i <= request_.offers.size(); ++i) {  // No confirm_within: confirmed at once.
    const Offer& offer = OfferOf(i);
    if (offer.lineage == number && offer.allocation.state == AllocationState::kHeld &&
        !offer.allocation.confirm_by.IsSet())
      ConfirmHold(i);
  }
  const auto is_holders_match = [&](const Offer& offer) {
    return offer.state == OfferState::kOpen && offer.matches != 0 && offer.provider == holder;
  };
  for (uint32_t i = 1; i <= request_.offers.size(); ++i) {
    const Offer offer = OfferOf(i);
    const bool is_matched = std::any_of(
        request_.offers.begin(), request_.offers.end(),
        [&](const Offer& match) { return is_holders_match(match) && match.matches == i; });
    const bool is_proposal = request_.IsExchange(offer) && !offer.allocation.IsStanding();
    if (offer.lineage != number || offer.provider == holder || is_matched || is_proposal ||
        (offer.clause.IsSet() && offer.matches == 0))
      continue;
    if (offer.state == OfferState::kOpen) {
      Decision rescinded = About(Kind::OFFER_RESCINDED, offer);
      rescinded.reason = "RIGHT_REVIVED";
      Add(std::move(rescinded));
    } else if (offer.allocation.state == AllocationState::kHeld) {
      GiveUp(Kind::ALLOCATION_EXPIRED, i, "RIGHT_REVIVED", "");
    } else if (offer.promise != Promise::kNone) {
      Lose(i, "RIGHT_REVIVED");
    }
  }
  if (LineageOf(number).units.Unplaced() == 0) return;  // All was confirmed in time.
  // What the holder is being asked for a part of the lot becomes a question about all of it.
  for (uint32_t i = 1; i <= request_.offers.size(); ++i) {
    const Offer& offer = OfferOf(i);
    const bool is_part = offer.lineage == number && offer.provider == holder &&
                         offer.clause.IsSet() && offer.matches == 0 && offer.IsUnanswered() &&
                         !request_.IsExchange(offer) &&
                         offer.quantity < LineageOf(number).units.Unplaced();
    if (is_part) Supersede(i, "RIGHT_REVIVED");
  }
  Decision revived{.kind = Kind::RIGHT_REVIVED};
  revived.lineage = number;
  revived.provider = holder;
  revived.clause = ref;
  revived.quantity = LineageOf(number).units.Unplaced();
  revived.reason = "CLOSE_WITHIN";
  Add(std::move(revived));
}

// R19. Whether the block has to be looked at: a waiver was written that was not held against it, or
// the exclusivity has ended.
bool RequestDraft::IsLifted(uint32_t number) const {
  const std::vector<Due> dues = DuesOf(account(), request_);
  return std::any_of(dues.begin(), dues.end(), [&](const Due& due) {
    return due.what == Due::What::kUnblock && due.lineage == number && due.at < now_;
  });
}

// R19: a waiver is held against what it may lift; what an exclusivity stood before, when it has
// ended, is routed under what is in force.
void RequestDraft::Unblock(uint32_t number) {
  const ClauseRef blocking = LineageOf(number).rights.front().clause;
  const SegmentList units = LineageOf(number).unplaced;
  const Routing routing =
      RouteRequest(*request_.request, units, account(), now_, LineageOf(number).absent);
  const bool stands =
      std::any_of(routing.routes.begin(), routing.routes.end(), [&](const Route& route) {
        return std::any_of(route.clauses.begin(), route.clauses.end(), [&](const ClauseRef& ref) {
          return ref.agreement == blocking.agreement && ref.clause == blocking.clause;
        });
      });
  if (!stands || account().HasEnded(blocking, now_)) {
    RestoreWaiversOf(number, units, "ROUTED_ANEW");
    AddRoutes(routing, number);
    return;
  }
  Decision tested{.kind = Kind::WAIVER_TESTED};
  tested.lineage = number;
  tested.provider = HolderOf(blocking);
  tested.reason = "OUT_OF_SCOPE";
  for (const GrantedWaiver& waiver : account().grants) {
    if (MayLift(waiver, request_, LineageOf(number))) tested.clause = waiver.ref();
  }
  for (const WaiverTest& test : routing.tests) {
    tested.clause = test.waiver;
    tested.reason = test.reason;
    tested.figures = test.figures;
  }
  Add(std::move(tested));
}

}  // namespace capbroker
