#include "broker/trail/dues.h"

#include <algorithm>
#include <tuple>

namespace capbroker {
namespace {

constexpr Span kTick{1};

// R12. Whether something of the lineage that alternatives should have is not confirmed. What the
// holder itself holds never ends by its own right's revival.
bool IsUnconfirmed(const Account& account, const RequestBook& request, const Lineage& lineage,
                   const Right& right) {
  // An amendment may have closed the lineage, and asked anew for what was not placed.
  if (lineage.stage != Lineage::Stage::kClosed && lineage.units.Unplaced() > 0) return true;
  const ProviderId& holder = account.Find(right.clause.agreement, right.clause.version)->holder;
  return std::any_of(request.offers.begin(), request.offers.end(), [&](const Offer& offer) {
    return offer.lineage == lineage.number && !offer.clause.IsSet() && offer.provider != holder &&
           offer.allocation.state == AllocationState::kHeld;
  });
}

// R19. The first instant at which a waiver is to be held against this blocked lineage, and was not
// yet, or at which the exclusivity has ended; kLastInstant if neither is known.
Instant UnblockTime(const Account& account, const RequestBook& request, const Lineage& lineage) {
  Instant time = account.EndOfClause(lineage.rights.front().clause);
  for (const GrantedWaiver& waiver : account.grants) {
    const Instant from = std::max(waiver.granted, As<Waiver>(waiver.grant->waiver)->start_time);
    if (from >= lineage.waivers_tested && MayLift(waiver, request, lineage))
      time = std::min(time, from);
  }
  return time;
}

void VisitOffer(const Account& account, const RequestBook& request, const Offer& offer,
                auto&& visit) {
  using What = Due::What;
  const auto due = [&](Instant at, What what) {
    visit(Due{.at = at, .what = what, .offer = offer.number, .lineage = offer.lineage});
  };
  const Allocation& allocation = offer.allocation;
  if (allocation.IsStanding() && allocation.ends.IsSet())
    due(allocation.ends - kTick, What::kNotice);
  if (IsFinished(request.state)) return;
  if (allocation.state == AllocationState::kHeld && allocation.confirm_by.IsSet())
    due(allocation.confirm_by, What::kHold);
  if (offer.promise == Promise::kCounter) due(offer.take_by, What::kCounter);
  if (offer.state != OfferState::kOpen) return;
  if (offer.promise == Promise::kNone) due(offer.deadline, What::kLapse);
  if (offer.promise == Promise::kBid) due(request.EndOfRound(offer), What::kRound);
  if (offer.clause.IsSet() && AskingOf(*account.Find(offer.clause))->void_on_end)
    due(account.EndOfClause(offer.clause) - kTick, What::kVoid);
}

void VisitLineage(const Account& account, const RequestBook& request, const Lineage& lineage,
                  auto&& visit) {
  using What = Due::What;
  for (const Right& right : lineage.rights) {
    // Past the request's expiry nobody is asked again, nor under a clause that has ended (R17).
    if (right.close_by.IsSet() && right.close_by < request.request->expiry &&
        !account.HasEnded(right.clause, right.close_by + kTick) &&
        IsUnconfirmed(account, request, lineage, right)) {
      visit(Due{.at = right.close_by,
                .what = What::kRevival,
                .lineage = lineage.number,
                .right = right.clause});
    }
  }
  if (lineage.stage == Lineage::Stage::kBlocked && lineage.units.Unplaced() > 0) {
    if (const Instant time = UnblockTime(account, request, lineage); time != kLastInstant)
      visit(Due{.at = time - kTick, .what = What::kUnblock, .lineage = lineage.number});
  }
}

void VisitDues(const Account& account, const RequestBook& request, auto&& visit) {
  for (const Offer& offer : request.offers) VisitOffer(account, request, offer, visit);
  if (IsFinished(request.state)) return;
  for (const Lineage& lineage : request.lineages) VisitLineage(account, request, lineage, visit);
  visit(Due{.at = std::max(request.request->expiry, LastWindow(request)),
            .what = Due::What::kExpiry});
}

// A clause that goes on in a later version ends with the last of them.
bool GoesOn(const Account& account, const ClauseRef& ref, Instant end) {
  return account.EndOfClause(ref) > end;
}

void VisitDues(const Account& account, auto&& visit) {
  for (const auto& version : account.agreements) {
    const Instant end = account.EndOfVersion(*version);
    if (end == kLastInstant) continue;
    for (const Clause& clause : version->clauses) {
      const ClauseRef ref = RefOf(*version, clause);
      if (account.IsEndRecorded(ref) || GoesOn(account, ref, end)) continue;
      visit(AccountDue{end - kTick, AccountDue::What::kClauseEnds, ref});
    }
  }
  for (const Assertion& trigger : account.triggers) {
    if (IsFinal(trigger.state) || !trigger.disputed_by.empty()) continue;
    if (IsAttested(*As<TriggerClause>(*account.Find(trigger.clause)), trigger)) {
      visit(AccountDue{trigger.disputable_until, AccountDue::What::kTriggerTakesEffect,
                       trigger.clause});
    } else {
      visit(AccountDue{trigger.attest_by, AccountDue::What::kTriggerUnattested, trigger.clause});
    }
  }
}

}  // namespace

std::vector<Due> DuesOf(const Account& account, const RequestBook& request) {
  std::vector<Due> dues;
  VisitDues(account, request, [&](Due due) { dues.push_back(std::move(due)); });
  std::stable_sort(dues.begin(), dues.end(), [](const Due& a, const Due& b) {
    return std::tie(a.at, a.what) < std::tie(b.at, b.what);
  });
  return dues;
}

Instant DueTime(const Account& account, const RequestBook& request) {
  Instant first = kLastInstant;
  VisitDues(account, request, [&](const Due& due) { first = std::min(first, due.at); });
  return first;
}

Instant LastWindow(const RequestBook& request) {
  Instant last;
  for (const Offer& offer : request.offers) {
    if (offer.IsUnanswered() && offer.state == OfferState::kOpen)
      last = std::max(last, offer.deadline);
    if (offer.promise == Promise::kCounter) last = std::max(last, offer.take_by);
    if (offer.allocation.state == AllocationState::kHeld)
      last = std::max(last, offer.allocation.confirm_by);
  }
  return last;
}

bool MayLift(const GrantedWaiver& waiver, const RequestBook& request, const Lineage& lineage) {
  const ClauseRef& blocking = lineage.rights.front().clause;
  const Grant& grant = *waiver.grant;
  const std::vector<ClauseId>& lifts = As<Waiver>(grant.waiver)->lifts;
  return !waiver.revoked.IsSet() && grant.agreement == blocking.agreement &&
         (!grant.request.IsSet() || grant.request == request.request->id) &&
         std::find(lifts.begin(), lifts.end(), blocking.clause) != lifts.end();
}

std::vector<AccountDue> DuesOf(const Account& account) {
  std::vector<AccountDue> dues;
  VisitDues(account, [&](AccountDue due) { dues.push_back(std::move(due)); });
  std::stable_sort(dues.begin(), dues.end(), [](const AccountDue& a, const AccountDue& b) {
    return std::tie(a.at, a.what) < std::tie(b.at, b.what);
  });
  return dues;
}

Instant DueTime(const Account& account) {
  Instant first = kLastInstant;
  VisitDues(account, [&](const AccountDue& due) { first = std::min(first, due.at); });
  return first;
}

}  // namespace capbroker
