// What holders are asked: first, to match, once more; and what becomes of their rights.
#include <algorithm>
#include <utility>

#include "broker/deciding/rounds.h"
#include "broker/routing/compare.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

Instant UntilOf(Instant from, Span window) { return window > Span{} ? from + window : Instant{}; }

}  // namespace

// R3.
Instant Rounds::DeadlineUnder(const ClauseRef& ref, const Window& window) const {
  const AgreementVersion& version = *account().Find(ref.agreement, ref.version);
  return AddWindow(CalendarOf(version, *FindClause(version, ref.clause)), now_, window);
}

// The next right in order. R1: in mode MATCH it is asked when there is a bid. R17: a right whose
// clause has ended since the request was routed opens no new round. R8: a holder that asked not to
// be asked is not.
bool Rounds::AdvanceRights(uint32_t number) {
  if (HasOpenOffer(number)) return false;
  const Lineage& lineage = LineageOf(number);
  const bool exclusive = lineage.route == Kind::ROUTE_EXCLUSIVE;
  for (const Right& right : lineage.rights) {
    if (right.done) continue;
    const ClauseRef ref = right.clause;
    if (!exclusive && MatchingOf(*account().Find(ref)).mode == Mode::kMatch) continue;
    const ProviderId& holder = account().Find(ref.agreement, ref.version)->holder;
    if (account().HasEnded(ref, now_)) {
      PassOverHolder(number, ref, "CLAUSE_ENDED");
      if (exclusive) Reroute(number);  // What it stood before may be in force still.
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
  fallback.quantity = lineage.remaining;
  fallback.reason = NameOf(request_.request->fallback.kind);
  Add(std::move(fallback));
  return true;
}

// Whether the holder of several rights over the lineage has said no to the same terms under
// another.
bool Rounds::HasRefusedUnderAnother(uint32_t number, const ClauseRef& ref,
                                    const ProviderId& holder) const {
  return std::any_of(request_.offers.begin(), request_.offers.end(), [&](const Offer& offer) {
    const bool refused = offer.state == OfferState::kDeclined ||
                         offer.state == OfferState::kLapsed ||
                         offer.state == OfferState::kPartiallyAccepted ||
                         offer.state == OfferState::kCountered || offer.returned;
    if (offer.lineage != number || offer.provider != holder || !offer.clause.IsSet() ||
        offer.clause == ref || offer.kind == OfferKind::kMatch || !refused) {
      return false;
    }
    Terms asked = TermsOf(request_, offer);
    asked.quantity = request_.request->terms.quantity;  // The junior right is over what remains.
    return asked == request_.request->terms;
  });
}

void Rounds::AskHolder(uint32_t number, const ClauseRef& ref, OfferKind kind) {
  const Clause& clause = *account().Find(ref);
  const int64_t lot = LineageOf(number).remaining;
  Question question{.kind = kind,
                    .provider = account().Find(ref.agreement, ref.version)->holder,
                    .clause = ref,
                    .quantity = lot,
                    .parts = PartsOf(*request_.request, lot, &clause),
                    .unit_price = request_.request->terms.unit_price};
  question.deadline =
      DeadlineUnder(ref, kind == OfferKind::kReoffer ? MatchingOf(clause).ReofferWindow()
                                                     : AskingOf(clause)->window);
  for (const Offer& before :
       request_.offers) {  // What an amendment took from the same holder goes on here.
    if (before.state == OfferState::kSuperseded && before.successor == 0 &&
        before.provider == question.provider)
      question.replaces = before.number;
  }
  Open(number, std::move(question));
}

void Rounds::PassOverHolder(uint32_t number, const ClauseRef& ref, std::string_view reason) {
  const Lineage& lineage = LineageOf(number);
  Decision skipped{.kind = Kind::PROVIDER_SKIPPED};
  skipped.lineage = number;
  skipped.provider = account().Find(ref.agreement, ref.version)->holder;
  skipped.clause = ref;
  skipped.reason = reason;
  Decision blocked{.kind = Kind::REQUEST_BLOCKED};
  blocked.lineage = number;
  blocked.provider = skipped.provider;
  blocked.clause = ref;
  blocked.quantity = lineage.remaining;
  blocked.reason = reason;
  const bool blocks = lineage.route == Kind::ROUTE_EXCLUSIVE && reason != "CLAUSE_ENDED";  // R19.
  Add(std::move(skipped));
  if (blocks) Add(std::move(blocked));
}

void Rounds::EndRight(uint32_t number, std::string_view reason) {
  const Offer& offer = OfferOf(number);
  const Lineage& lineage = LineageOf(offer.lineage);
  const bool is_proposal =
      request_.IsExchange(offer) && !offer.returned;  // R13: its end changes nothing.
  if (!offer.clause.IsSet() || is_proposal || lineage.remaining == 0) return;
  const bool exclusive = lineage.route == Kind::ROUTE_EXCLUSIVE;
  Decision ended = About(exclusive ? Kind::REQUEST_BLOCKED : Kind::RIGHT_WAIVED, offer);
  ended.clause = offer.clause;
  ended.quantity = lineage.remaining;
  ended.reason = reason;
  if (!exclusive)
    ended.until = UntilOf(now_, MatchingOf(*account().Find(offer.clause)).close_within);  // R12.
  Add(std::move(ended));
}

// The holder's last refusal in this lineage: what an alternative's terms are held against.
const Offer* Rounds::LastRefusal(uint32_t number, const ClauseRef& ref) const {
  for (auto offer = request_.offers.rbegin(); offer != request_.offers.rend(); ++offer) {
    if (offer->lineage == number && offer->clause == ref && offer->kind != OfferKind::kMatch &&
        offer->state != OfferState::kOpen && offer->state != OfferState::kVoided) {
      return &*offer;
    }
  }
  return nullptr;
}

// R1, R10: the holders over this lineage may stand before the alternative that is chosen, each in
// its turn. True if the lineage goes on by itself.
bool Rounds::Match(uint32_t number) {
  const Lineage& lineage = LineageOf(number);
  const uint32_t candidate = lineage.candidate;
  const bool is_asked =
      std::any_of(request_.offers.begin(), request_.offers.end(), [&](const Offer& offer) {
        return offer.lineage == number && offer.kind == OfferKind::kMatch &&
               offer.state == OfferState::kOpen;
      });
  if (is_asked) return false;
  for (const Right& right : lineage.rights) {
    if (right.matched != candidate && MatchUnder(number, ClauseRef(right.clause))) return false;
  }
  Hold(candidate);
  return true;
}

// True if a match round is open now.
bool Rounds::MatchUnder(uint32_t number, const ClauseRef& ref) {
  const Offer bid = OfferOf(LineageOf(number).candidate);
  const Terms terms = AgreedTermsOf(request_, bid);
  const AgreementVersion& version = *account().Find(ref.agreement, ref.version);
  const FirstRefusal& clause = MatchingOf(*FindClause(version, ref.clause));
  const Offer* refused = LastRefusal(number, ref);
  if (refused == nullptr && clause.mode == Mode::kFirstOffer)
    return false;  // It was passed over, and that is recorded.

  Decision decision = About(Kind::MATCH_NOT_REQUIRED, bid);
  decision.clause = ref;
  bool material = clause.mode == Mode::kMatch;
  bool differs = material;
  if (refused != nullptr) {
    const Terms asked = TermsOf(request_, *refused);
    for (TermDifference& difference :
         CompareTerms(asked, terms, {clause.price_tolerance_ppm, clause.start_tolerance})) {
      material |= difference.material;
      differs |= difference.differs;
      decision.figures.push_back(std::move(difference.figure));
    }
    if (const auto smaller = CompareParts(*refused, bid); smaller) {
      material = differs = true;
      decision.figures.push_back(*smaller);
    }
  }
  if (clause.mode == Mode::kFirstOffer) {
    // It gives the holder its one question; the figures are kept all the same.
    decision.reason = material ? "MODE_FIRST_OFFER" : "WITHIN_TOLERANCE";
  } else if (!material && !(clause.match_always && differs)) {
    decision.reason = "WITHIN_TOLERANCE";
  } else if (account().HasEnded(ref, now_)) {
    decision.kind = Kind::MATCH_SKIPPED;
    decision.reason = "CLAUSE_ENDED";  // R17.
  } else if (directory_.IsSameParty(version.holder, bid.provider)) {
    decision.kind = Kind::MATCH_SKIPPED;
    decision.reason = "SAME_PARTY";
  } else if (account().IsCoolingDown(version.holder, request_.request->terms, now_)) {
    decision.kind = Kind::MATCH_SKIPPED;
    decision.reason = "COOL_DOWN";
  } else {
    decision.kind = Kind::MATCH_REQUIRED;
    decision.reason = clause.mode == Mode::kMatch ? "MODE_MATCH"
                      : material                  ? "BETTER_TERMS"
                                                  : "ALWAYS";
  }
  const bool opens = decision.kind == Kind::MATCH_REQUIRED;
  Add(std::move(decision));
  if (!opens) return false;
  Open(number, {.kind = OfferKind::kMatch,
                .provider = version.holder,
                .clause = ref,
                .quantity = bid.promised,
                .unit_price = terms.unit_price,
                .terms = std::make_shared<const Terms>(terms),
                .deadline = DeadlineUnder(ref, clause.MatchWindow())});
  return true;
}

// R12: what alternatives have not confirmed goes back, and the holder is asked again.
void Rounds::Revive(uint32_t number, const ClauseRef& ref) {
  for (size_t i = 0; i < request_.offers.size(); ++i) {  // No confirm_within: confirmed at once.
    const Offer& offer = request_.offers[i];
    if (offer.lineage == number && offer.allocation == AllocationState::kHeld &&
        !offer.confirm_by.IsSet())
      ConfirmHold(offer.number);
  }
  if (!request_.IsUnconfirmed(LineageOf(number))) return;
  for (size_t i = 0; i < request_.offers.size(); ++i) {
    const Offer offer = request_.offers[i];
    if (offer.lineage != number || (offer.clause.IsSet() && offer.kind != OfferKind::kMatch))
      continue;
    if (offer.state == OfferState::kOpen) {
      Decision rescinded = About(Kind::OFFER_RESCINDED, offer);
      rescinded.reason = "RIGHT_REVIVED";
      Add(std::move(rescinded));
    } else if (offer.allocation == AllocationState::kHeld) {
      GiveUp(Kind::ALLOCATION_EXPIRED, offer, "RIGHT_REVIVED", "");
    } else if (LineageOf(number).candidate == offer.number) {
      Decision lost = About(Kind::BID_LOST, offer);
      lost.reason = "RIGHT_REVIVED";
      Add(std::move(lost));
    }
  }
  Decision revived{.kind = Kind::RIGHT_REVIVED};
  revived.lineage = number;
  revived.provider = account().Find(ref.agreement, ref.version)->holder;
  revived.clause = ref;
  revived.quantity = LineageOf(number).remaining;
  revived.reason = "CLOSE_WITHIN";
  Add(std::move(revived));
}

// R19: a waiver written since is held against what it may lift.
void Rounds::Unblock(uint32_t number) {
  const ClauseRef blocking = LineageOf(number).rights.front().clause;
  const absl::StatusOr<Routing> routing =
      RouteRequest(*request_.request, RemainderOf(LineageOf(number)), account(), now_);
  const bool lifted =
      routing.ok() &&
      std::none_of(routing->routes.begin(), routing->routes.end(), [&](const Route& r) {
        return std::find(r.clauses.begin(), r.clauses.end(), blocking) != r.clauses.end();
      });
  if (lifted) {
    AddRoutes(*routing, number, {});
    return;
  }
  Decision tested{.kind = Kind::WAIVER_TESTED};
  tested.lineage = number;
  tested.provider = account().Find(blocking.agreement, blocking.version)->holder;
  tested.reason = "OUT_OF_SCOPE";
  for (const GrantedWaiver& waiver : account().grants) {
    if (MayLift(waiver, request_, LineageOf(number))) tested.clause = waiver.ref();
  }
  for (const WaiverTest& test : routing.ok() ? routing->tests : std::vector<WaiverTest>()) {
    tested.clause = test.waiver;
    tested.reason = test.reason;
    tested.figures = test.figures;
  }
  Add(std::move(tested));
}

}  // namespace capbroker
