#include "broker/rounds.h"

#include <algorithm>
#include <utility>

#include "broker/canonical.h"
#include "broker/compare.h"
#include "broker/fallback.h"
#include "broker/fold.h"
#include "broker/text.h"

namespace capbroker {

Rounds::Rounds(const Book& book, const Directory& directory, const RequestBook* request, Instant now)
    : book_(book),
      directory_(directory),
      now_(now),
      request_(request == nullptr ? RequestBook{} : *request) {}

void Rounds::Add(Decision decision) {
  Fold(request_, decision, now_);
  if (TouchesAccount(decision)) {
    if (!account_) account_ = book_.account;
    Fold(*account_, decision);
  }
  decisions_.push_back(std::move(decision));
}

void Rounds::AddRoutes(const Routing& routing) {
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
    routed.segments = route.segments;
    routed.quantity = route.quantity;
    routed.clauses = route.clauses;
    routed.passed = route.passed;
    const uint32_t lineage = routed.lineage;
    Add(std::move(routed));
    if (route.kind != Kind::ROUTE_WAIVED) continue;
    for (const ClauseRef& waiver : route.clauses) {  // R20: every use is drawn.
      Decision drawn{.kind = Kind::WAIVER_DRAWN};
      drawn.lineage = lineage;
      drawn.clause = waiver;
      drawn.quantity = route.quantity;
      Add(std::move(drawn));
    }
  }
}

void Rounds::Hold(uint32_t number, int64_t quantity) {
  const Offer offer = request_.offers[number - 1];
  CompareWithRefused(offer);
  Decision held{.kind = Kind::ALLOCATION_HELD};
  held.lineage = offer.lineage;
  held.offer = number;
  held.provider = offer.provider;
  held.quantity = quantity;
  Add(std::move(held));
  Reserve(offer, quantity);
}

// R21: a placement with the holder of a commitment draws on what is left of it; placements with others never
// do.
void Rounds::Reserve(const Offer& offer, int64_t quantity) {
  const Request& request = *request_.request;
  const Lineage& lineage = request_.lineages[offer.lineage - 1];
  for (const AgreementVersion* version : account().InForce(request_.created)) {
    if (version->holder != offer.provider) continue;
    for (const Clause& clause : version->clauses) {
      if (clause.kind != ClauseKind::kCommitment || clause.amount.currency != offer.unit_price.currency)
        continue;
      if (std::none_of(lineage.segments.begin(), lineage.segments.end(), [&](uint32_t segment) {
            return Covers(clause.scope, request, request.segments[segment], false);
          })) {
        continue;
      }
      const auto balance = std::find_if(
          account().commitments.begin(), account().commitments.end(),
          [&](const Commitment& c) { return c.agreement == version->agreement && c.clause == clause.id; });
      // The cost was found to fit when the request was received.
      const Money cost = *Cost(offer.unit_price, quantity, request.terms.end - request.terms.start);
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

// R10: what an alternative takes is held against what each holder refused, and the figures are kept.
void Rounds::CompareWithRefused(const Offer& offer) {
  if (offer.kind != OfferKind::kAlternative) return;
  const Lineage& lineage = request_.lineages[offer.lineage - 1];
  if (lineage.route != Kind::ROUTE_FIRST_REFUSAL) return;
  for (size_t i = 0; i < request_.offers.size(); ++i) {
    const Offer refused = request_.offers[i];
    if (refused.lineage != offer.lineage || refused.kind != OfferKind::kFirstOffer) continue;
    const Clause& clause = *account().Find(refused.clause);
    Decision decision{.kind = Kind::MATCH_NOT_REQUIRED};
    decision.offer = offer.number;
    decision.provider = offer.provider;
    decision.clause = refused.clause;
    // FIRST_OFFER gives the holder its one question; the figures are kept all the same.
    decision.reason = "MODE_FIRST_OFFER";
    bool material = false;
    for (TermDifference& difference :
         CompareTerms(TermsOf(*request_.request, refused), TermsOf(*request_.request, offer),
                      {clause.price_tolerance_ppm, clause.start_tolerance})) {
      material |= difference.material;
      decision.figures.push_back(std::move(difference.figure));
    }
    if (!material) decision.reason = "WITHIN_TOLERANCE";
    Add(std::move(decision));
  }
}

void Rounds::EndRight(uint32_t number, std::string_view reason) {
  const Offer& offer = request_.offers[number - 1];
  const Lineage& lineage = request_.lineages[offer.lineage - 1];
  if (!offer.clause.IsSet() || lineage.remaining == 0) return;
  Decision ended{.kind = lineage.route == Kind::ROUTE_EXCLUSIVE ? Kind::REQUEST_BLOCKED : Kind::RIGHT_WAIVED};
  ended.lineage = offer.lineage;
  ended.offer = number;
  ended.provider = offer.provider;
  ended.clause = offer.clause;
  ended.quantity = lineage.remaining;
  ended.reason = reason;
  Add(std::move(ended));
}

void Rounds::RescindOffers(std::string_view reason) {
  for (size_t i = 0; i < request_.offers.size(); ++i) {
    const Offer& offer = request_.offers[i];
    if (offer.state != OfferState::kOpen) continue;
    Decision rescinded{.kind = Kind::OFFER_RESCINDED};
    rescinded.lineage = offer.lineage;
    rescinded.offer = offer.number;
    rescinded.provider = offer.provider;
    rescinded.reason = reason;
    Add(std::move(rescinded));
  }
}

void Rounds::ReleaseHolds(std::string_view reason) {
  for (size_t i = 0; i < request_.offers.size(); ++i) {
    const Offer offer = request_.offers[i];
    if (offer.allocation != AllocationState::kHeld) continue;
    Decision released{.kind = Kind::ALLOCATION_RELEASED};
    released.offer = offer.number;
    released.provider = offer.provider;
    released.quantity = offer.accepted;
    released.reason = reason;
    Add(std::move(released));
    if (!offer.committed.IsSet()) continue;
    Decision back{.kind = Kind::COMMITMENT_RELEASED};
    back.offer = offer.number;
    back.provider = offer.provider;
    back.clause = offer.commitment;
    back.amount = offer.committed;
    Add(std::move(back));
  }
}

void Rounds::ConfirmHolds() {
  for (size_t i = 0; i < request_.offers.size(); ++i) {
    const Offer offer = request_.offers[i];
    if (offer.allocation != AllocationState::kHeld) continue;
    Decision confirmed{.kind = Kind::ALLOCATION_CONFIRMED};
    confirmed.offer = offer.number;
    confirmed.provider = offer.provider;
    confirmed.quantity = offer.accepted;
    Add(std::move(confirmed));
    if (!offer.committed.IsSet()) continue;
    Decision drawn{.kind = Kind::COMMITMENT_DRAWN};
    drawn.offer = offer.number;
    drawn.provider = offer.provider;
    drawn.clause = offer.commitment;
    drawn.amount = offer.committed;
    Add(std::move(drawn));
  }
}

void Rounds::Advance() {
  for (uint32_t i = 1; i <= request_.lineages.size(); ++i) AdvanceLineage(i);
  Settle();
}

void Rounds::AdvanceLineage(uint32_t number) {
  using Stage = Lineage::Stage;
  for (;;) {
    const Lineage& lineage = request_.lineages[number - 1];
    if (lineage.remaining == 0 || HasOpenOffer(number)) return;
    if (lineage.stage == Stage::kBlocked || lineage.stage == Stage::kSettled) return;
    if (lineage.stage == Stage::kFallback) {
      OpenAlternative(lineage);
    } else if (lineage.rights_done < lineage.rights) {
      OpenRight(lineage);
    } else {
      Decision fallback{.kind = Kind::FALLBACK_STARTED};
      fallback.lineage = number;
      fallback.quantity = lineage.remaining;
      fallback.reason = NameOf(request_.request->fallback.kind);
      Add(std::move(fallback));
    }
  }
}

// The next right in order. R17: a right whose clause has ended since the request was routed opens no new
// round. R8: a holder that asked not to be asked is not.
void Rounds::OpenRight(const Lineage& lineage) {
  const ClauseRef ref = lineage.clauses[lineage.rights_done];
  const AgreementVersion& version = *account().Find(ref.agreement, ref.version);
  const Clause& clause = *FindClause(version, ref.clause);
  const bool ended = HasEnded(ref);
  if (!ended && !account().IsCoolingDown(version.holder, request_.request->terms, now_)) {
    const bool exclusive = lineage.route == Kind::ROUTE_EXCLUSIVE;
    OpenOffer(lineage, exclusive ? OfferKind::kExclusiveAsk : OfferKind::kFirstOffer, version.holder, ref,
              &clause, request_.request->terms.unit_price, clause.window);
    return;
  }
  Decision skipped{.kind = Kind::PROVIDER_SKIPPED};
  skipped.lineage = lineage.number;
  skipped.provider = version.holder;
  skipped.clause = ref;
  skipped.reason = ended ? "CLAUSE_ENDED" : "COOL_DOWN";
  Decision blocked{.kind = Kind::REQUEST_BLOCKED};
  blocked.lineage = lineage.number;
  blocked.provider = version.holder;
  blocked.clause = ref;
  blocked.quantity = lineage.remaining;
  blocked.reason = "COOL_DOWN";
  const bool blocks = !ended && lineage.route == Kind::ROUTE_EXCLUSIVE;  // R19.
  Add(std::move(skipped));
  if (blocks) Add(std::move(blocked));
}

// R9: the next alternative that may be asked; those passed over on the way are recorded.
void Rounds::OpenAlternative(const Lineage& lineage) {
  const uint32_t number = lineage.number;
  for (Alternative& next : NextAlternatives(request_, lineage, account(), directory_, now_)) {
    if (!next.skip) {
      OpenOffer(request_.lineages[number - 1], OfferKind::kAlternative, next.provider, {}, nullptr,
                next.unit_price, request_.request->fallback.step_window);
      return;
    }
    Decision skipped{.kind = Kind::PROVIDER_SKIPPED};
    skipped.lineage = number;
    skipped.provider = std::move(next.provider);
    skipped.reason = std::move(next.skip->reason);
    skipped.text = std::move(next.skip->text);
    Add(std::move(skipped));
  }
  Decision exhausted{.kind = Kind::FALLBACK_EXHAUSTED};
  exhausted.lineage = number;
  exhausted.quantity = request_.lineages[number - 1].remaining;
  Add(std::move(exhausted));
}

void Rounds::OpenOffer(const Lineage& lineage, OfferKind kind, const ProviderId& provider,
                       const ClauseRef& ref, const Clause* right, const Money& unit_price, Span window) {
  const Parts parts = PartsOf(*request_.request, lineage.remaining, right);
  Decision opened{.kind = Kind::OFFER_OPENED};
  opened.lineage = lineage.number;
  opened.offer = static_cast<uint32_t>(request_.offers.size()) + 1;
  opened.offer_kind = kind;
  opened.provider = provider;
  opened.clause = ref;
  opened.quantity = lineage.remaining;
  opened.min_quantity = parts.min_quantity;
  opened.quantity_step = parts.step;
  opened.unit_price = unit_price;
  opened.deadline = now_ + window;  // R3: frozen here.
  Terms terms = request_.request->terms;
  terms.quantity = opened.quantity;
  terms.unit_price = unit_price;
  opened.terms_hash = HashTerms(terms);
  Add(std::move(opened));
}

bool Rounds::HasOpenOffer(uint32_t lineage) const {
  return std::any_of(request_.offers.begin(), request_.offers.end(), [&](const Offer& offer) {
    return offer.lineage == lineage && offer.state == OfferState::kOpen;
  });
}

// A clause goes on while its version is in force, or a later one in force has a clause of the same id and
// kind.
bool Rounds::HasEnded(const ClauseRef& ref) const {
  const Clause& pinned = *account().Find(ref);
  for (const AgreementVersion* version : account().InForce(now_)) {
    if (version->agreement != ref.agreement) continue;
    const Clause* clause = FindClause(*version, ref.clause);
    if (clause != nullptr && clause->kind == pinned.kind) return false;
  }
  return true;
}

// R14, R16: once nothing is left to ask, holds are confirmed and the request ends; or it stays BLOCKED.
void Rounds::Settle() {
  bool blocked = false;
  int64_t unplaced = 0;
  for (const Lineage& lineage : request_.lineages) {
    if (lineage.remaining == 0) continue;
    if (lineage.stage == Lineage::Stage::kRights || lineage.stage == Lineage::Stage::kFallback) return;
    blocked |= lineage.stage == Lineage::Stage::kBlocked;
    unplaced += lineage.remaining;
  }
  ConfirmHolds();
  if (blocked) return;
  Decision end{.kind = Kind::REQUEST_FULFILLED};
  end.quantity = request_.Standing();
  if (unplaced > 0) {
    end.kind = end.quantity > 0 ? Kind::REQUEST_PARTIALLY_FULFILLED : Kind::REQUEST_UNFILLED;
    end.reason = "EXHAUSTED";
    end.passed = Reasons();
  }
  Add(std::move(end));
}

std::vector<Passed> Rounds::Reasons() const {
  std::vector<Passed> reasons;
  for (const Lineage& lineage : request_.lineages) {
    reasons.insert(reasons.end(), lineage.skipped.begin(), lineage.skipped.end());
  }
  for (const Offer& offer : request_.offers) {
    if (offer.state == OfferState::kAccepted) continue;
    const bool declined = offer.state == OfferState::kDeclined;
    reasons.push_back({offer.provider, offer.clause,
                       Cat(NameOf(offer.state), declined ? ":" : "", NameOf(offer.decline)), offer.text});
  }
  return reasons;
}

}  // namespace capbroker
