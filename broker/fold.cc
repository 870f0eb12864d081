#include "broker/fold.h"

#include <algorithm>
#include <utility>

namespace capbroker {
namespace {

Offer& OfferOf(RequestBook& book, const Decision& d) { return book.offers[d.offer - 1]; }
Lineage& LineageOf(RequestBook& book, const Decision& d) { return book.lineages[d.lineage - 1]; }

void End(RequestBook& book, const Decision& d, OfferState state, Instant time) {
  Offer& offer = OfferOf(book, d);
  offer.state = state;
  offer.answered = time;
  offer.decline = d.decline;
  offer.text = d.text;
}

Offer Opened(const RequestBook& book, const Decision& d, Instant time) {
  Offer offer;
  offer.number = static_cast<uint32_t>(book.offers.size()) + 1;
  offer.lineage = d.lineage;
  offer.kind = d.offer_kind;
  offer.provider = d.provider;
  offer.clause = d.clause;
  offer.quantity = d.quantity;
  offer.min_quantity = d.min_quantity;
  offer.quantity_step = d.quantity_step;
  offer.unit_price = d.unit_price;
  offer.terms_hash = d.terms_hash;
  offer.opened = time;
  offer.deadline = d.deadline;
  return offer;
}

Lineage Routed(const Decision& d) {
  Lineage lineage;
  lineage.number = d.lineage;
  lineage.route = d.kind;
  lineage.segments = d.segments;
  lineage.clauses = d.clauses;
  lineage.quantity = lineage.remaining = d.quantity;
  if (d.kind == Kind::ROUTE_EXCLUSIVE || d.kind == Kind::ROUTE_FIRST_REFUSAL) {
    lineage.rights = static_cast<uint32_t>(d.clauses.size());
  }
  return lineage;
}

// The state of a request that no decision has finished follows from its lineages: the earliest step that any
// is at.
RequestState StateOf(const RequestBook& book) {
  bool blocked = false, fallback = false;
  for (const Lineage& lineage : book.lineages) {
    if (lineage.remaining == 0) continue;
    if (lineage.stage == Lineage::Stage::kRights) return RequestState::kHolderRound;
    fallback |= lineage.stage == Lineage::Stage::kFallback;
    blocked |= lineage.stage == Lineage::Stage::kBlocked;
  }
  if (fallback) return RequestState::kFallback;
  if (blocked) return RequestState::kBlocked;
  return book.lineages.empty() ? RequestState::kReceived : RequestState::kConfirming;
}

void Finish(RequestBook& book, RequestState state, const Decision& d) {
  book.state = state;
  book.reasons = d.passed;
}

template <class Balance>
Balance& BalanceOf(std::vector<Balance>& all, const ClauseRef& ref) {
  for (Balance& balance : all) {
    if (balance.agreement == ref.agreement && balance.clause == ref.clause) return balance;
  }
  Balance& added = all.emplace_back();
  added.agreement = ref.agreement;
  added.clause = ref.clause;
  return added;
}

}  // namespace

void Fold(RequestBook& book, const Decision& d, Instant time) {
  switch (d.kind) {
    case Kind::REQUEST_RECEIVED:
      book.request = d.request;
      book.created = time;
      break;
    case Kind::ROUTE_EXCLUSIVE:
    case Kind::ROUTE_FIRST_REFUSAL:
    case Kind::ROUTE_WAIVED:
    case Kind::ROUTE_OPEN:
      book.lineages.push_back(Routed(d));
      break;
    case Kind::PROVIDER_SKIPPED:
      LineageOf(book, d).skipped.push_back({d.provider, d.clause, d.reason, d.text});
      if (d.clause.IsSet()) LineageOf(book, d).rights_done++;  // A holder that is not to be asked.
      break;
    case Kind::OFFER_OPENED:
      book.offers.push_back(Opened(book, d, time));
      break;
    case Kind::OFFER_ACCEPTED:
      End(book, d, OfferState::kAccepted, time);
      break;
    case Kind::OFFER_PARTIALLY_ACCEPTED:
      End(book, d, OfferState::kPartiallyAccepted, time);
      break;
    case Kind::OFFER_DECLINED:
      End(book, d, OfferState::kDeclined, time);
      break;
    case Kind::OFFER_LAPSED:
      End(book, d, OfferState::kLapsed, time);
      break;
    case Kind::OFFER_RESCINDED:
      End(book, d, OfferState::kRescinded, time);
      break;
    case Kind::RESPONSE_REJECTED:
      OfferOf(book, d).rejection_recorded = true;
      break;
    case Kind::DEADLINE_EXTENDED:
    case Kind::DEADLINE_TOLLED:
      OfferOf(book, d).deadline = d.deadline;
      break;
    case Kind::RIGHT_WAIVED:
      LineageOf(book, d).rights_done++;
      break;
    case Kind::FALLBACK_STARTED:
      LineageOf(book, d).stage = Lineage::Stage::kFallback;
      break;
    case Kind::FALLBACK_EXHAUSTED:
      LineageOf(book, d).stage = Lineage::Stage::kSettled;
      break;
    case Kind::REQUEST_BLOCKED:
      LineageOf(book, d).stage = Lineage::Stage::kBlocked;
      break;
    case Kind::ALLOCATION_HELD: {
      Offer& offer = OfferOf(book, d);
      offer.allocation = AllocationState::kHeld;
      offer.accepted = d.quantity;
      LineageOf(book, d).remaining -= d.quantity;
      break;
    }
    case Kind::ALLOCATION_CONFIRMED:
      OfferOf(book, d).allocation = AllocationState::kConfirmed;
      OfferOf(book, d).confirmed = time;
      break;
    case Kind::ALLOCATION_RELEASED:
      OfferOf(book, d).allocation = AllocationState::kReleased;
      OfferOf(book, d).ended = time;
      break;
    case Kind::COMMITMENT_RESERVED:
      OfferOf(book, d).committed = d.amount;
      OfferOf(book, d).commitment = d.clause;
      break;
    case Kind::REQUEST_CANCELLED:
      Finish(book, RequestState::kCancelled, d);
      break;
    case Kind::REQUEST_EXPIRED:
      Finish(book, RequestState::kExpired, d);
      break;
    case Kind::REQUEST_FULFILLED:
      Finish(book, RequestState::kFulfilled, d);
      break;
    case Kind::REQUEST_PARTIALLY_FULFILLED:
      Finish(book, RequestState::kPartiallyFulfilled, d);
      break;
    case Kind::REQUEST_UNFILLED:
      Finish(book, RequestState::kUnfilled, d);
      break;
    // Evidence only, or about the account or the directory.
    case Kind::WAIVER_TESTED:
    case Kind::WAIVER_DRAWN:
    case Kind::MATCH_NOT_REQUIRED:
    case Kind::COMMITMENT_DRAWN:
    case Kind::COMMITMENT_RELEASED:
    case Kind::COMMITMENT_RESTORED:
    case Kind::COMMITMENT_INCREASED:
    case Kind::AGREEMENT_ACTIVATED:
    case Kind::AGREEMENT_SUPERSEDED:
    case Kind::CLAUSE_ENDED:
    case Kind::PROVIDER_REGISTERED:
    case Kind::PROVIDER_UPDATED:
    case Kind::PROVIDER_SUSPENDED:
    case Kind::PROVIDER_RESUMED:
    case Kind::RECOVERY_RESUMED:
      break;
  }
  if (!IsFinished(book.state)) book.state = StateOf(book);
  book.updated = time;
}

bool TouchesAccount(const Decision& d) {
  switch (d.kind) {
    case Kind::AGREEMENT_ACTIVATED:
    case Kind::AGREEMENT_SUPERSEDED:
    case Kind::CLAUSE_ENDED:
    case Kind::COMMITMENT_RESERVED:
    case Kind::COMMITMENT_RELEASED:
    case Kind::COMMITMENT_DRAWN:
    case Kind::COMMITMENT_RESTORED:
    case Kind::WAIVER_DRAWN:
      return true;
    case Kind::OFFER_DECLINED:
      return d.cool_down.until.IsSet();
    default:
      return false;  // About a request or the directory only.
  }
}

void Fold(Account& account, const Decision& d) {
  if (!TouchesAccount(d)) return;
  switch (d.kind) {
    case Kind::AGREEMENT_ACTIVATED:
      account.agreements.push_back(d.agreement);
      for (const Clause& clause : d.agreement->clauses) {
        if (clause.kind != ClauseKind::kCommitment) continue;
        Commitment& balance = BalanceOf(account.commitments, RefOf(*d.agreement, clause));
        balance.committed = clause.amount;
        balance.reserved.currency = balance.drawn.currency = clause.amount.currency;
      }
      break;
    case Kind::AGREEMENT_SUPERSEDED:
      for (auto& version : account.agreements) {
        if (version->agreement != d.clause.agreement || version->version != d.clause.version) continue;
        auto closed = std::make_shared<AgreementVersion>(*version);
        closed->effective_to = d.until;
        version = std::move(closed);
      }
      account.ended.emplace_back(d.clause.agreement, d.clause.version);
      break;
    case Kind::CLAUSE_ENDED: {
      std::pair version(d.clause.agreement, d.clause.version);
      if (account.ended.empty() || account.ended.back() != version)
        account.ended.push_back(std::move(version));
      break;
    }
    case Kind::COMMITMENT_RESERVED:
      BalanceOf(account.commitments, d.clause).reserved.micros += d.amount.micros;
      break;
    case Kind::COMMITMENT_RELEASED:
      BalanceOf(account.commitments, d.clause).reserved.micros -= d.amount.micros;
      break;
    case Kind::COMMITMENT_DRAWN: {
      Commitment& balance = BalanceOf(account.commitments, d.clause);
      balance.reserved.micros -= d.amount.micros;
      balance.drawn.micros += d.amount.micros;
      break;
    }
    case Kind::COMMITMENT_RESTORED:
      BalanceOf(account.commitments, d.clause).drawn.micros -= d.amount.micros;
      break;
    case Kind::WAIVER_DRAWN:
      BalanceOf(account.waivers, d.clause).drawn += d.quantity;
      break;
    case Kind::OFFER_DECLINED:
      std::erase_if(account.cool_downs, [&](const CoolDown& c) {
        return c.provider == d.cool_down.provider && c.resource_type == d.cool_down.resource_type &&
               c.region == d.cool_down.region;
      });
      account.cool_downs.push_back(d.cool_down);
      break;
    default:
      break;
  }
}

namespace {

void Fold(Directory& directory, const Decision& d) {
  if (d.record != nullptr) {
    directory.Put(*d.record);
    return;
  }
  const Provider* found = directory.Find(d.provider);
  if (found == nullptr) return;
  Provider provider = *found;
  if (d.kind == Kind::PROVIDER_SUSPENDED) provider.suspended = true;
  if (d.kind == Kind::PROVIDER_RESUMED) provider.suspended = false;
  directory.Put(std::move(provider));
}

void Reschedule(Book& book, const RequestId& id, Instant before, Instant after) {
  if (before == after) return;
  if (before != kLastInstant) book.deadlines.erase({before, id});
  if (after != kLastInstant) book.deadlines.emplace(after, id);
}

}  // namespace

void Fold(Book& book, const Act& act) {
  if (book.owner == kDirectory) {
    for (const Decision& d : act.decisions) Fold(book.directory, d);
  } else {
    const Instant account_before = book.account.NextDeadline();
    for (const Decision& d : act.decisions) Fold(book.account, d);
    std::erase_if(book.account.cool_downs, [&](const CoolDown& c) { return c.until <= act.time; });
    Reschedule(book, RequestId{}, account_before, book.account.NextDeadline());
    if (act.request.IsSet()) {
      auto& request = book.requests[act.request];
      const Instant before = request == nullptr ? kLastInstant : request->NextDeadline();
      if (request == nullptr) request = std::make_unique<RequestBook>();
      for (const Decision& d : act.decisions) Fold(*request, d, act.time);
      request->sequence = act.sequence;
      Reschedule(book, act.request, before, request->NextDeadline());
    }
  }
  book.sequence = std::max(book.sequence, act.sequence);
  book.time = std::max(book.time, act.time);
}

RequestBook FoldRequest(const std::vector<Act>& acts) {
  RequestBook request;
  for (const Act& act : acts) {
    for (const Decision& d : act.decisions) Fold(request, d, act.time);
    request.sequence = act.sequence;
  }
  return request;
}

void Put(Book& book, std::unique_ptr<RequestBook> request) {
  const RequestId id = request->request->id;
  Forget(book, id);
  Reschedule(book, id, kLastInstant, request->NextDeadline());
  book.requests[id] = std::move(request);
}

void Forget(Book& book, const RequestId& id) {
  const auto found = book.requests.find(id);
  if (found == book.requests.end()) return;
  Reschedule(book, id, found->second->NextDeadline(), kLastInstant);
  book.requests.erase(found);
}

}  // namespace capbroker
