// Folding a decision into its request: what it says of offers, allocations, rights and units.
#include <algorithm>
#include <utility>

#include "broker/trail/fold.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

bool IsRoute(Kind kind) {
  return kind == Kind::ROUTE_EXCLUSIVE || kind == Kind::ROUTE_FIRST_REFUSAL ||
         kind == Kind::ROUTE_WAIVED || kind == Kind::ROUTE_OPEN;
}

class RequestFold {
 public:
  RequestFold(RequestBook& book, const Decision& decision, Instant time)
      : book_(book), d_(decision), time_(time) {}

  absl::Status Run() {
    if (!FindSubjects()) return std::move(status_);
    Apply();
    if (!IsFinished(book_.state)) book_.state = StateNow();
    book_.updated = time_;
    return std::move(status_);
  }

 private:
  template <class... Words>
  void Fail(const Words&... words) {
    if (status_.ok()) status_ = absl::DataLossError(Cat(NameOf(d_.kind), ": ", words...));
  }

  // What the kind has to name is there, and what it names besides.
  bool FindSubjects() {
    const bool has_version = d_.kind == Kind::REQUEST_RECEIVED || d_.kind == Kind::REQUEST_AMENDED;
    if (has_version && d_.request == nullptr) Fail("no request");
    if (d_.kind != Kind::REQUEST_RECEIVED && book_.request == nullptr)
      Fail("its request was not received");
    const uint8_t named = RowOf(d_.kind).named;
    const bool opens = d_.kind == Kind::OFFER_OPENED;
    if (d_.lineage >= 1 && d_.lineage <= book_.lineages.size())
      lineage_ = &book_.lineages[d_.lineage - 1];
    if (d_.offer >= 1 && d_.offer <= book_.offers.size()) offer_ = &book_.offers[d_.offer - 1];
    if (lineage_ != nullptr) {
      for (Right& right : lineage_->rights) {
        if (right.clause == d_.clause) right_ = &right;
      }
    }
    if ((named & names::kLineage) != 0 && lineage_ == nullptr && !IsRoute(d_.kind))
      Fail("no lineage ", d_.lineage);
    if ((named & names::kOffer) != 0 && offer_ == nullptr && !opens) Fail("no offer ", d_.offer);
    if (opens && d_.offer != book_.offers.size() + 1) Fail("offer ", d_.offer, " is not the next");
    if (IsRoute(d_.kind) && d_.lineage != book_.lineages.size() + 1)
      Fail("lineage ", d_.lineage, " is not the next");
    if (d_.replaces > (opens ? book_.offers.size() : book_.lineages.size()))
      Fail("nothing to replace, ", d_.replaces);
    if (d_.matches > book_.offers.size()) Fail("no offer to match, ", d_.matches);
    return status_.ok();
  }
  Right& RightNamed() {
    if (right_ == nullptr) {
      Fail("lineage ", d_.lineage, " has no right ", Format(d_.clause));
      right_ = &nowhere_;
    }
    return *right_;
  }

  // ---------------------------------------------------------------- units (R30)

  void Move(Lineage& lineage, Place from, Place to, int64_t quantity) {
    if (!lineage.units.Move(from, to, quantity)) {
      Fail(quantity, " units of lineage ", lineage.number, " from ", NameOf(from), " to ",
           NameOf(to), ", where ", lineage.units.At(from), " are");
    }
  }
  // Units that nobody has yet go to whoever promises them.
  void Claim(Lineage& lineage, int64_t quantity) {
    const int64_t asked = std::min(lineage.units.At(Place::kAsked), quantity);
    Move(lineage, Place::kAsked, Place::kPromised, asked);
    Move(lineage, Place::kFree, Place::kPromised, quantity - asked);
  }
  // A match is about units that somebody has promised, an exchange about units that are placed.
  bool IsAboutLot(const Offer& offer) const {
    return offer.matches == 0 && !book_.IsExchange(offer);
  }
  bool Claims(const Offer& offer) const {
    return IsAboutLot(offer) && (offer.promise == Promise::kSelected ||
                                 (offer.promise == Promise::kCounter && offer.clause.IsSet()));
  }
  // Asked is what the largest open question of the round is about; what no question and no promise
  // is about any more is free.
  void Recount(Lineage& lineage) {
    int64_t question = 0, promised = 0;
    for (const Offer& offer : book_.offers) {
      if (offer.lineage != lineage.number || !IsAboutLot(offer)) continue;
      if (offer.IsUnanswered()) question = std::max(question, offer.quantity);
      if (Claims(offer)) promised += offer.promised;
    }
    const Units& units = lineage.units;
    if (units.At(Place::kPromised) > promised)
      Move(lineage, Place::kPromised, Place::kFree, units.At(Place::kPromised) - promised);
    const int64_t asked = std::min(question, units.ToBeHad());
    if (asked > units.At(Place::kAsked)) {
      Move(lineage, Place::kFree, Place::kAsked, asked - units.At(Place::kAsked));
    } else {
      Move(lineage, Place::kAsked, Place::kFree, units.At(Place::kAsked) - asked);
    }
  }

  // ---------------------------------------------------------------- offers

  Lineage& LineageOf(const Offer& offer) { return book_.lineages[offer.lineage - 1]; }

  void Open() {
    Offer offer;
    offer.number = d_.offer;
    offer.lineage = d_.lineage;
    offer.version = static_cast<uint32_t>(book_.versions.size());
    offer.replaces = d_.replaces;
    offer.matches = d_.matches;
    offer.kind = d_.offer_kind;
    offer.provider = d_.provider;
    offer.clause = d_.clause;
    offer.quantity = d_.quantity;
    offer.min_quantity = d_.min_quantity;
    offer.quantity_step = d_.quantity_step;
    offer.unit_price = d_.unit_price;
    offer.terms = d_.terms;
    offer.terms_hash = d_.terms_hash;
    offer.sealed = d_.sealed;
    offer.continues = d_.continues;
    offer.opened = time_;
    offer.deadline = d_.deadline;
    if (d_.replaces != 0 && book_.offers[d_.replaces - 1].state == OfferState::kSuperseded)
      book_.offers[d_.replaces - 1].successor = offer.number;
    if (d_.offer_kind == OfferKind::kReoffer) RightNamed().reoffered = true;
    book_.offers.push_back(std::move(offer));
    Recount(*lineage_);
  }

  void End(OfferState state) {
    if (offer_->state != OfferState::kOpen)
      Fail("offer ", offer_->number, " is ", NameOf(offer_->state), " already");
    offer_->state = state;
    offer_->answered = time_;
    offer_->decline = d_.decline;
    offer_->text = d_.text;
    offer_->ending = d_.reason;
    offer_->promise = Promise::kNone;
  }
  // The holder has refused a match: its right stands in the way of this offer no more.
  void PassRight(const Offer& match) {
    if (match.matches == 0) return;
    PassRight(book_.offers[match.matches - 1], match.clause);
  }
  void PassRight(Offer& selected, const ClauseRef& clause) {
    const std::vector<Right>& rights = LineageOf(selected).rights;
    for (size_t i = 0; i < rights.size(); ++i) {
      if (rights[i].clause == clause) selected.rights_passed = static_cast<uint32_t>(i) + 1;
    }
  }
  // Its provider is to have `quantity`. What an alternative gets has to pass the holders first.
  void Select(int64_t quantity) {
    offer_->promised = quantity;
    offer_->promise = Promise::kSelected;
    offer_->rights_passed = 0;
    offer_->outmatched = false;
    if (IsAboutLot(*offer_)) Claim(LineageOf(*offer_), quantity);
    Recount(LineageOf(*offer_));
  }
  // Out of a bid, of the reserve.
  void SelectAnswered() {
    if (offer_->state == OfferState::kOpen) {
      offer_->state =
          d_.quantity < offer_->quantity ? OfferState::kPartiallyAccepted : OfferState::kAccepted;
      if (!offer_->answered.IsSet()) offer_->answered = time_;
    }
    offer_->matches = 0;  // A late acceptance of a match is of what is left of the lot.
    Select(d_.quantity);
  }
  void Drop() {
    offer_->promise = Promise::kNone;
    offer_->ending = d_.reason;
    if (offer_->state == OfferState::kOpen) {
      offer_->state = OfferState::kRescinded;
      offer_->answered = time_;
    }
    Recount(LineageOf(*offer_));
  }
  void EndCounter() {
    if (offer_ == nullptr || offer_->promise != Promise::kCounter) return;
    offer_->promise = Promise::kNone;
    Recount(LineageOf(*offer_));
  }

  // ---------------------------------------------------------------- lineages

  void Route() {
    Lineage lineage;
    lineage.number = d_.lineage;
    lineage.version = static_cast<uint32_t>(book_.versions.size());
    lineage.route = d_.kind;
    lineage.units = Units(d_.quantity);
    lineage.segments = lineage.unplaced = d_.segments;
    if (SumOf(d_.segments) != d_.quantity)
      Fail("segments add up to ", SumOf(d_.segments), ", want ", d_.quantity);
    if (d_.kind == Kind::ROUTE_EXCLUSIVE || d_.kind == Kind::ROUTE_FIRST_REFUSAL) {
      for (const ClauseRef& clause : d_.clauses) lineage.rights.push_back({.clause = clause});
    } else {
      lineage.waivers = d_.clauses;
    }
    if (d_.replaces != 0) {
      Lineage& before = book_.lineages[d_.replaces - 1];
      if (!before.units.Leave(Place::kFree, d_.quantity) || !TakeFrom(before.unplaced, d_.segments))
        Fail("lineage ", d_.replaces, " has not ", d_.quantity, " free");
      lineage.absent = before.absent;
      if (!d_.provider.empty()) lineage.absent.push_back(d_.provider);
    }
    book_.lineages.push_back(std::move(lineage));
    book_.state = RequestState::kReceived;  // Of a finished one, units have come back (R15).
  }

  // What is not placed is routed anew, under numbers of its own.
  void Close() {
    for (Lineage& lineage : book_.lineages) {
      const int64_t free = lineage.units.At(Place::kFree);
      if (free != lineage.units.Unplaced())
        Fail("lineage ", lineage.number, " has units that are asked or promised");
      if (!lineage.units.Leave(Place::kFree, free) ||
          !lineage.units.Leave(Place::kGone, lineage.units.At(Place::kGone)))
        Fail("lineage ", lineage.number);
      lineage.unplaced.clear();
      lineage.stage = Lineage::Stage::kClosed;
    }
  }
  void JudgeAnew() {
    for (Lineage& lineage : book_.lineages) {
      std::erase_if(lineage.skipped, [](const Passed& passed) { return !passed.clause.IsSet(); });
    }
  }

  // A right that is passed over because its clause has ended (R17), or is lifted for this request
  // (R20), stands in nobody's way any more, and does not revive.
  void EndIfOver() {
    if (d_.reason != "CLAUSE_ENDED" && d_.reason != "WAIVED") return;
    RightNamed().state = Right::State::kEnded;
    RightNamed().close_by = Instant{};
  }

  void DrawWaiver() {
    for (WaiverDraw& draw : lineage_->drawn) {
      if (draw.waiver == d_.clause) return AddTo(draw.segments, d_.segments);
    }
    lineage_->drawn.push_back({d_.clause, d_.segments});
  }
  void RestoreWaiver() {
    for (WaiverDraw& draw : lineage_->drawn) {
      if (draw.waiver != d_.clause) continue;
      if (!TakeFrom(draw.segments, d_.segments))
        Fail("waiver ", Format(d_.clause), " is not drawn so far");
      std::erase_if(lineage_->drawn, [](const WaiverDraw& d) { return d.segments.empty(); });
      return;
    }
    Fail("waiver ", Format(d_.clause), " is not drawn");
  }

  // ---------------------------------------------------------------- allocations

  static Place PlaceOf(const Allocation& allocation) {
    return allocation.state == AllocationState::kHeld ? Place::kHeld : Place::kConfirmed;
  }

  // The offer whose placed units this one takes: of an exchange the one it replaces, of a match of
  // an exchange likewise. Null: it takes promised ones.
  Offer* TakenFrom(const Offer& offer) {
    const Offer* proposal = &offer;
    if (offer.matches != 0) proposal = &book_.offers[offer.matches - 1];
    return book_.IsExchange(*proposal) ? &book_.offers[proposal->replaces - 1] : nullptr;
  }

  void Hold() {
    Lineage& lineage = LineageOf(*offer_);
    Allocation& allocation = offer_->allocation;
    if (Offer* before = TakenFrom(*offer_); before != nullptr) {
      if (!before->allocation.IsStanding() || SumOf(before->allocation.segments) != d_.quantity)
        Fail("offer ", before->number, " has not ", d_.quantity, " placed");
      Move(LineageOf(*before), PlaceOf(before->allocation), Place::kHeld, d_.quantity);
      allocation.segments = std::exchange(before->allocation.segments, {});
    } else {
      Move(lineage, Place::kPromised, Place::kHeld, d_.quantity);
      allocation.segments = FirstOf(lineage.unplaced, d_.quantity);
      if (SumOf(allocation.segments) != d_.quantity ||
          !TakeFrom(lineage.unplaced, allocation.segments))
        Fail("lineage ", lineage.number, " has not ", d_.quantity, " of its segments to place");
    }
    allocation.state = AllocationState::kHeld;
    allocation.quantity = d_.quantity;
    allocation.confirm_by = d_.confirm_by;
    offer_->promise = Promise::kNone;
    Recount(lineage);
  }
  void Confirm() {
    Allocation& allocation = offer_->allocation;
    if (allocation.state != AllocationState::kHeld) Fail("offer ", offer_->number, " is not held");
    Move(LineageOf(*offer_), Place::kHeld, Place::kConfirmed, SumOf(allocation.segments));
    allocation.state = AllocationState::kConfirmed;
    allocation.confirmed = time_;
    allocation.confirm_by = Instant{};
  }
  void EndAllocation(AllocationState state, Place to) {
    Lineage& lineage = LineageOf(*offer_);
    Allocation& allocation = offer_->allocation;
    if (!allocation.IsStanding()) Fail("offer ", offer_->number, " has nothing placed");
    Move(lineage, PlaceOf(allocation), to, SumOf(allocation.segments));
    if (to == Place::kFree) AddTo(lineage.unplaced, allocation.segments);
    allocation.segments.clear();
    allocation.state = state;
    allocation.ended = time_;
    allocation.confirm_by = allocation.ends = Instant{};
    Recount(lineage);
    // A finished request with nothing placed any more is not fulfilled.
    const bool is_empty = IsFinished(book_.state) && to == Place::kGone && book_.Standing() == 0;
    if (is_empty && (book_.state == RequestState::kFulfilled ||
                     book_.state == RequestState::kPartiallyFulfilled)) {
      book_.state =
          state == AllocationState::kReleased ? RequestState::kCancelled : RequestState::kExpired;
    }
  }
  void Notice(Allocation::Notice notice) {
    offer_->allocation.notice = notice;
    offer_->allocation.ends = d_.takes_effect;
  }

  void Toll() {
    book_.tolled = d_.downtime == Span{} ? book_.tolled : time_;  // Not by an operator's.
    switch (d_.clock) {
      case WindowKind::kOffer:
        if (offer_ != nullptr) offer_->deadline = d_.deadline;
        break;
      case WindowKind::kCounter:
        if (offer_ != nullptr) offer_->take_by = d_.deadline;
        break;
      case WindowKind::kConfirm:
        if (offer_ != nullptr) offer_->allocation.confirm_by = d_.deadline;
        break;
      case WindowKind::kClose:
        RightNamed().close_by = d_.deadline;
        break;
      case WindowKind::kDispute:
      case WindowKind::kAttest:
        break;  // Of the account.
    }
  }

  // ---------------------------------------------------------------- the request

  void Finish(RequestState state) {
    book_.state = state;
    book_.reasons = d_.passed;
    for (Lineage& lineage : book_.lineages) {
      for (const Place place : {Place::kFree, Place::kAsked, Place::kPromised})
        Move(lineage, place, Place::kGone, lineage.units.At(place));
      lineage.unplaced.clear();
    }
  }

  // The state of a request that no decision has finished follows from its lineages: the earliest
  // step that any is at.
  RequestState StateNow() const {
    bool holder = false, match = false, fallback = false, blocked = false;
    for (const Lineage& lineage : book_.lineages) {
      if (lineage.units.Unplaced() == 0) continue;
      holder |= lineage.stage == Lineage::Stage::kRights && book_.CandidateOf(lineage) == nullptr;
      fallback |= lineage.stage == Lineage::Stage::kFallback;
      blocked |= lineage.stage == Lineage::Stage::kBlocked;
    }
    for (const Offer& offer : book_.offers) {
      if (offer.state != OfferState::kOpen) continue;
      match |= offer.kind == OfferKind::kMatch;
      holder |= offer.kind == OfferKind::kReoffer;
    }
    if (holder) return RequestState::kHolderRound;
    if (match) return RequestState::kMatchRound;
    if (fallback) return RequestState::kFallback;
    if (blocked) return RequestState::kBlocked;
    return book_.lineages.empty() ? RequestState::kReceived : RequestState::kConfirming;
  }

  void Apply() {
    switch (d_.kind) {
      case Kind::REQUEST_RECEIVED:
        book_.created = time_;
        [[fallthrough]];
      case Kind::REQUEST_AMENDED:
        book_.request = d_.request;
        book_.versions.push_back(d_.request);
        break;
      case Kind::MATERIAL_CHANGE:
        Close();
        JudgeAnew();
        break;
      case Kind::IMMATERIAL_CHANGE:
        if (d_.reason != "LABELS") JudgeAnew();
        break;
      case Kind::ROUTE_EXCLUSIVE:
      case Kind::ROUTE_FIRST_REFUSAL:
      case Kind::ROUTE_WAIVED:
      case Kind::ROUTE_OPEN:
        Route();
        break;
      case Kind::WAIVER_TESTED:
        if (lineage_ != nullptr) lineage_->waivers_tested = time_ + Span{1};
        break;
      case Kind::WAIVER_DRAWN:
        DrawWaiver();
        break;
      case Kind::WAIVER_RESTORED:
        RestoreWaiver();
        break;
      case Kind::PROVIDER_SKIPPED:
        lineage_->skipped.push_back({d_.provider, d_.clause, d_.reason, d_.text});
        if (d_.clause.IsSet()) {  // Not asked now, a right may be held against better terms still.
          RightNamed().state = Right::State::kWaived;
          EndIfOver();
        }
        break;
      case Kind::OFFER_OPENED:
        Open();
        break;
      case Kind::OFFER_ACCEPTED:
      case Kind::OFFER_PARTIALLY_ACCEPTED:
        End(d_.kind == Kind::OFFER_ACCEPTED ? OfferState::kAccepted
                                            : OfferState::kPartiallyAccepted);
        Select(d_.quantity);
        break;
      case Kind::OFFER_COUNTERED:
        End(OfferState::kCountered);
        offer_->answer = d_.terms;
        offer_->promised = d_.quantity;
        offer_->take_by = d_.take_by;
        offer_->promise = Promise::kCounter;
        if (Claims(*offer_)) Claim(*lineage_, d_.quantity);
        Recount(*lineage_);
        break;
      case Kind::COUNTER_TAKEN:
        if (Claims(*offer_)) {  // Its units are promised already.
          offer_->promise = Promise::kSelected;
          offer_->rights_passed = 0;
        } else {
          Select(d_.quantity);
        }
        break;
      case Kind::OFFER_DECLINED:
      case Kind::OFFER_LAPSED:
        End(d_.kind == Kind::OFFER_DECLINED ? OfferState::kDeclined : OfferState::kLapsed);
        PassRight(*offer_);
        Recount(*lineage_);
        break;
      case Kind::OFFER_RESCINDED:
        End(OfferState::kRescinded);
        Recount(*lineage_);
        break;
      case Kind::OFFER_SUPERSEDED:
        End(OfferState::kSuperseded);
        Recount(*lineage_);
        break;
      case Kind::OFFER_VOIDED:
        End(OfferState::kVoided);
        if (offer_->kind == OfferKind::kReoffer) RightNamed().reoffered = false;
        Recount(*lineage_);
        break;
      case Kind::RESPONSE_REJECTED:
        offer_->rejection_recorded = true;
        break;
      case Kind::STANDBY_RECORDED:
        offer_->promise = Promise::kReserve;
        offer_->promised = d_.quantity;
        offer_->outmatched = d_.reason == "RIGHT_EXERCISED";
        if (!offer_->answered.IsSet()) offer_->answered = time_;
        Recount(*lineage_);
        break;
      case Kind::STANDBY_PROMOTED:
      case Kind::BEST_BID_SELECTED:
        SelectAnswered();
        break;
      case Kind::DEADLINE_EXTENDED:
        offer_->deadline = d_.deadline;
        break;
      case Kind::DEADLINE_TOLLED:
        Toll();
        break;
      case Kind::RIGHT_WAIVED: {
        Right& right = RightNamed();
        right.state = d_.reason == "WITHDREW" ? Right::State::kEnded : Right::State::kWaived;
        right.close_by = d_.close_by;
        EndCounter();
        break;
      }
      case Kind::RIGHT_REVIVED: {
        Right& right = RightNamed();
        right.state = Right::State::kStanding;
        right.revived = true;
        right.close_by = Instant{};
        if (lineage_->stage != Lineage::Stage::kClosed) lineage_->stage = Lineage::Stage::kRights;
        JudgeAnew();
        break;
      }
      case Kind::FALLBACK_STARTED:
        lineage_->stage = Lineage::Stage::kFallback;
        break;
      case Kind::FALLBACK_EXHAUSTED:
        lineage_->stage = Lineage::Stage::kExhausted;
        break;
      case Kind::REQUEST_BLOCKED:
        lineage_->stage = Lineage::Stage::kBlocked;
        lineage_->waivers_tested = Instant{};
        EndCounter();
        break;
      case Kind::BID_RECEIVED:
        offer_->promise = Promise::kBid;
        offer_->answer = d_.terms;
        offer_->promised = d_.quantity;
        offer_->contingent = d_.contingent;
        offer_->answered = time_;
        break;
      case Kind::BID_DISQUALIFIED:
      case Kind::BID_LOST:
        Drop();
        break;
      case Kind::MATCH_NOT_REQUIRED:
      case Kind::MATCH_SKIPPED:
        PassRight(*offer_, d_.clause);
        if (d_.kind == Kind::MATCH_SKIPPED) EndIfOver();
        break;
      case Kind::ALLOCATION_HELD:
        Hold();
        break;
      case Kind::ALLOCATION_CONFIRMED:
        Confirm();
        break;
      case Kind::ALLOCATION_EXPIRED:
        EndAllocation(AllocationState::kExpired, Place::kFree);
        break;
      case Kind::ALLOCATION_RELEASED:
        EndAllocation(AllocationState::kReleased, Place::kGone);
        break;
      case Kind::ALLOCATION_WITHDRAWN:
        EndAllocation(AllocationState::kWithdrawn,
                      book_.IsRoutedAnew(time_) ? Place::kFree : Place::kGone);
        break;
      case Kind::WITHDRAWAL_NOTICED:
        Notice(Allocation::Notice::kWithdrawal);
        break;
      case Kind::RELEASE_NOTICED:
        Notice(Allocation::Notice::kRelease);
        break;
      case Kind::COMMITMENT_RESERVED:
        offer_->allocation.draws.push_back({d_.clause, d_.amount});
        break;
      case Kind::REQUEST_CANCELLED:
        Finish(RequestState::kCancelled);
        break;
      case Kind::REQUEST_EXPIRED:
        Finish(RequestState::kExpired);
        break;
      case Kind::REQUEST_FULFILLED:
        Finish(RequestState::kFulfilled);
        break;
      case Kind::REQUEST_PARTIALLY_FULFILLED:
        Finish(RequestState::kPartiallyFulfilled);
        break;
      case Kind::REQUEST_UNFILLED:
        Finish(RequestState::kUnfilled);
        break;
      default:
        break;  // Evidence only, or about the account or the directory.
    }
  }

  RequestBook& book_;
  const Decision& d_;
  const Instant time_;
  absl::Status status_;
  Lineage* lineage_ = nullptr;
  Offer* offer_ = nullptr;
  Right* right_ = nullptr;
  Right nowhere_{};
};

}  // namespace

absl::Status Fold(RequestBook& request, const Decision& decision, Instant time) {
  return RequestFold(request, decision, time).Run();
}

absl::StatusOr<RequestBook> FoldRequest(const std::vector<Act>& acts) {
  RequestBook request;
  for (const Act& act : acts) {
    for (const Decision& decision : act.decisions) {
      if (absl::Status status = Fold(request, decision, act.time); !status.ok())
        return absl::DataLossError(Cat("act ", act.sequence, ": ", status.message()));
    }
    request.sequence = act.sequence;
  }
  return request;
}

}  // namespace capbroker
