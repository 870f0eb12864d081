#include "broker/trail/fold.h"

#include <algorithm>
#include <utility>

namespace capbroker {
namespace {

Offer& OfferOf(RequestBook& book, const Decision& d) { return book.offers[d.offer - 1]; }
Lineage& LineageOf(RequestBook& book, const Decision& d) { return book.lineages[d.lineage - 1]; }
Right* RightOf(RequestBook& book, const Decision& d) {
  std::vector<Right>& rights = LineageOf(book, d).rights;
  const auto right = std::find_if(rights.begin(), rights.end(),
                                  [&](const Right& r) { return r.clause == d.clause; });
  if (right != rights.end()) return &*right;
  thread_local Right
      none;  // A right that the lineage does not have: Fold is total, and nothing comes of it.
  none = Right{};
  return &none;
}

void End(RequestBook& book, const Decision& d, OfferState state, Instant time) {
  Offer& offer = OfferOf(book, d);
  offer.state = state;
  offer.answered = time;
  offer.decline = d.decline;
  offer.text = d.text;
  offer.standby = offer.has_bid = false;
}

void Open(RequestBook& book, const Decision& d, Instant time) {
  Offer offer;
  offer.number = static_cast<uint32_t>(book.offers.size()) + 1;
  offer.lineage = d.lineage;
  offer.version = static_cast<uint32_t>(book.versions.size());
  offer.replaces = d.replaces;
  offer.kind = d.offer_kind;
  offer.provider = d.provider;
  offer.clause = d.clause;
  offer.quantity = d.quantity;
  offer.min_quantity = d.min_quantity;
  offer.quantity_step = d.quantity_step;
  offer.unit_price = d.unit_price;
  offer.terms = d.terms;
  offer.terms_hash = d.terms_hash;
  offer.sealed = d.sealed;
  offer.opened = time;
  offer.deadline = d.deadline;
  if (d.replaces != 0 && book.offers[d.replaces - 1].state == OfferState::kSuperseded) {
    book.offers[d.replaces - 1].successor = offer.number;
  }
  if (d.offer_kind == OfferKind::kReoffer) RightOf(book, d)->reoffered = true;
  book.offers.push_back(std::move(offer));
}

// The offer's provider is to have it. An alternative's has to pass the holders first.
void Choose(RequestBook& book, const Offer& offer) {
  if (offer.kind == OfferKind::kAlternative && !book.IsExchange(offer))
    book.lineages[offer.lineage - 1].candidate = offer.number;
}

void Choose(RequestBook& book, const Decision& d, Instant time) {
  Offer& offer = OfferOf(book, d);
  offer.standby = false;
  if (offer.state == OfferState::kOpen) {
    offer.state =
        offer.promised < offer.quantity ? OfferState::kPartiallyAccepted : OfferState::kAccepted;
    if (!offer.answered.IsSet())
      offer.answered = time;  // A bid, or a place in reserve, was the answer.
  }
  Choose(book, offer);
}

void Drop(RequestBook& book, const Decision& d, Instant time) {
  Offer& offer = OfferOf(book, d);
  offer.standby = false;
  if (offer.state == OfferState::kOpen) {
    offer.state = OfferState::kRescinded;
    offer.answered = time;
  }
  uint32_t& candidate = book.lineages[offer.lineage - 1].candidate;
  if (candidate == offer.number) candidate = 0;
}

void Route(RequestBook& book, const Decision& d) {
  Lineage lineage;
  lineage.number = d.lineage;
  lineage.route = d.kind;
  lineage.segments = d.segments;
  lineage.quantity = lineage.remaining = d.quantity;
  if (d.kind == Kind::ROUTE_EXCLUSIVE || d.kind == Kind::ROUTE_FIRST_REFUSAL) {
    for (const ClauseRef& clause : d.clauses) lineage.rights.push_back({.clause = clause});
  } else {
    lineage.waivers = d.clauses;
  }
  if (d.replaces != 0) {
    Lineage& before = book.lineages[d.replaces - 1];
    before.quantity -= d.quantity;
    before.remaining -= d.quantity;
  }
  book.lineages.push_back(std::move(lineage));
}

// What an allocation had goes back to its lot.
void GiveBack(RequestBook& book, Offer& offer) {
  offer.returned = true;
  book.lineages[offer.lineage - 1].remaining += offer.accepted;
}

void EndAllocation(RequestBook& book, const Decision& d, AllocationState state, Instant time) {
  Offer& offer = OfferOf(book, d);
  offer.allocation = state;
  offer.ended = time;
  offer.confirm_by = offer.withdraws = Instant{};
  const bool exchanged =
      std::any_of(book.offers.begin(), book.offers.end(), [&](const Offer& other) {
        return other.replaces == offer.number && IsStanding(other.allocation);
      });
  if (state != AllocationState::kReleased || exchanged) GiveBack(book, offer);
}

// The state of a request that no decision has finished follows from its lineages: the earliest step
// that any is at.
RequestState StateOf(const RequestBook& book) {
  bool holder = false, match = false, fallback = false, blocked = false;
  for (const Lineage& lineage : book.lineages) {
    if (lineage.remaining == 0) continue;
    holder |= lineage.stage == Lineage::Stage::kRights && lineage.candidate == 0;
    fallback |= lineage.stage == Lineage::Stage::kFallback;
    blocked |= lineage.stage == Lineage::Stage::kBlocked;
  }
  for (const Offer& offer : book.offers) {
    if (offer.state != OfferState::kOpen) continue;
    match |= offer.kind == OfferKind::kMatch;
    holder |= offer.kind == OfferKind::kReoffer;
  }
  if (holder) return RequestState::kHolderRound;
  if (match) return RequestState::kMatchRound;
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
      book.created = time;
      [[fallthrough]];
    case Kind::REQUEST_AMENDED:
      book.request = d.request;
      book.versions.push_back(d.request);
      break;
    case Kind::MATERIAL_CHANGE:
      for (Lineage& lineage : book.lineages) {
        lineage.quantity -= lineage.remaining;
        lineage.remaining = 0;
        lineage.candidate = 0;
        lineage.stage = Lineage::Stage::kClosed;
      }
      for (Offer& offer : book.offers) offer.take_by = Instant{};
      break;
    case Kind::ROUTE_EXCLUSIVE:
    case Kind::ROUTE_FIRST_REFUSAL:
    case Kind::ROUTE_WAIVED:
    case Kind::ROUTE_OPEN:
      Route(book, d);
      break;
    case Kind::WAIVER_TESTED:
      if (d.lineage != 0) LineageOf(book, d).blocked = time + Span{1};  // Held against it, in vain.
      break;
    case Kind::WAIVER_DRAWN:
      LineageOf(book, d).drawn.push_back({d.clause.agreement, d.clause.clause, d.quantity});
      break;
    case Kind::PROVIDER_SKIPPED:
      LineageOf(book, d).skipped.push_back({d.provider, d.clause, d.reason, d.text});
      if (d.clause.IsSet()) RightOf(book, d)->done = true;  // A holder that is not to be asked.
      break;
    case Kind::OFFER_OPENED:
      Open(book, d, time);
      break;
    case Kind::OFFER_ACCEPTED:
    case Kind::OFFER_PARTIALLY_ACCEPTED:
      End(book, d,
          d.kind == Kind::OFFER_ACCEPTED ? OfferState::kAccepted : OfferState::kPartiallyAccepted,
          time);
      OfferOf(book, d).promised = d.quantity;
      Choose(book, OfferOf(book, d));
      break;
    case Kind::OFFER_COUNTERED:
      End(book, d, OfferState::kCountered, time);
      OfferOf(book, d).answer = d.terms;
      OfferOf(book, d).promised = d.quantity;
      OfferOf(book, d).take_by = d.until;
      break;
    case Kind::COUNTER_TAKEN:
      OfferOf(book, d).take_by = Instant{};
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
    case Kind::OFFER_SUPERSEDED:
      End(book, d, OfferState::kSuperseded, time);
      break;
    case Kind::OFFER_VOIDED:
      End(book, d, OfferState::kVoided, time);
      break;
    case Kind::RESPONSE_REJECTED:
      OfferOf(book, d).rejection_recorded = true;
      break;
    case Kind::STANDBY_RECORDED: {
      Offer& offer = OfferOf(book, d);
      offer.standby = true;
      offer.promised = d.quantity;
      if (!offer.answered.IsSet()) offer.answered = time;
      uint32_t& candidate = book.lineages[offer.lineage - 1].candidate;
      if (candidate == offer.number) candidate = 0;
      break;
    }
    case Kind::STANDBY_PROMOTED:
    case Kind::BEST_BID_SELECTED:
      Choose(book, d, time);
      break;
    case Kind::DEADLINE_TOLLED:
      OfferOf(book, d).tolled = time;
      [[fallthrough]];
    case Kind::DEADLINE_EXTENDED:
      OfferOf(book, d).deadline = d.deadline;
      break;
    case Kind::RIGHT_WAIVED:
      RightOf(book, d)->done = true;
      RightOf(book, d)->close_by = d.until;
      if (d.offer != 0) OfferOf(book, d).take_by = Instant{};
      break;
    case Kind::RIGHT_REVIVED: {
      Lineage& lineage = LineageOf(book, d);
      RightOf(book, d)->done = false;
      RightOf(book, d)->revived = true;
      RightOf(book, d)->close_by = Instant{};
      lineage.stage = Lineage::Stage::kRights;
      std::erase_if(lineage.skipped,
                    [](const Passed& passed) { return !passed.clause.IsSet(); });  // Judged anew.
      break;
    }
    case Kind::FALLBACK_STARTED:
      LineageOf(book, d).stage = Lineage::Stage::kFallback;
      break;
    case Kind::FALLBACK_EXHAUSTED:
      LineageOf(book, d).stage = Lineage::Stage::kExhausted;
      break;
    case Kind::REQUEST_BLOCKED:
      LineageOf(book, d).stage = Lineage::Stage::kBlocked;
      LineageOf(book, d).blocked = time;
      if (d.offer != 0) OfferOf(book, d).take_by = Instant{};
      break;
    case Kind::BID_RECEIVED: {
      Offer& offer = OfferOf(book, d);
      offer.has_bid = true;
      offer.answer = d.terms;
      offer.promised = d.quantity;
      offer.contingent = d.contingent;
      offer.answered = time;
      break;
    }
    case Kind::BID_DISQUALIFIED:
    case Kind::BID_LOST:
      Drop(book, d, time);
      break;
    case Kind::MATCH_REQUIRED:
    case Kind::MATCH_NOT_REQUIRED:
    case Kind::MATCH_SKIPPED:
      RightOf(book, d)->matched = d.offer;
      if (d.kind == Kind::MATCH_SKIPPED) RightOf(book, d)->done = true;
      break;
    case Kind::ALLOCATION_HELD: {
      Offer& offer = OfferOf(book, d);
      offer.allocation = AllocationState::kHeld;
      offer.accepted = d.quantity;
      offer.confirm_by = d.until;
      offer.returned = false;
      Lineage& lineage = LineageOf(book, d);
      lineage.remaining -= d.quantity;
      if (lineage.candidate == offer.number) lineage.candidate = 0;
      break;
    }
    case Kind::ALLOCATION_CONFIRMED:
      OfferOf(book, d).allocation = AllocationState::kConfirmed;
      OfferOf(book, d).confirmed = time;
      OfferOf(book, d).confirm_by = Instant{};
      break;
    case Kind::ALLOCATION_EXPIRED:
      EndAllocation(book, d, AllocationState::kExpired, time);
      break;
    case Kind::ALLOCATION_RELEASED:
      EndAllocation(book, d, AllocationState::kReleased, time);
      break;
    case Kind::WITHDRAWAL_NOTICED:
      OfferOf(book, d).withdraws = d.until;
      book.state = RequestState::kConfirming;  // What was finished is no more.
      break;
    case Kind::ALLOCATION_WITHDRAWN:
      EndAllocation(book, d, AllocationState::kWithdrawn, time);
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
    case Kind::IMMATERIAL_CHANGE:
    case Kind::AGGREGATION_APPLIED:
    case Kind::NOTICE_ATTEMPTED:
    case Kind::COMMITMENT_DRAWN:
    case Kind::COMMITMENT_RELEASED:
    case Kind::COMMITMENT_RESTORED:
    case Kind::COMMITMENT_INCREASED:
    case Kind::AGREEMENT_ACTIVATED:
    case Kind::AGREEMENT_SUPERSEDED:
    case Kind::CLAUSE_ENDED:
    case Kind::WAIVER_GRANTED:
    case Kind::WAIVER_REVOKED:
    case Kind::TRIGGER_ASSERTED:
    case Kind::TRIGGER_DISPUTED:
    case Kind::DISPUTE_RESOLVED:
    case Kind::TRIGGER_ATTESTED:
    case Kind::TRIGGER_REJECTED:
    case Kind::TRIGGER_WITHDRAWN:
    case Kind::TRIGGER_EFFECTIVE:
    case Kind::PROVIDER_REGISTERED:
    case Kind::PROVIDER_UPDATED:
    case Kind::PROVIDER_SUSPENDED:
    case Kind::PROVIDER_RESUMED:
    case Kind::PROVIDER_TRIPPED:
    case Kind::PROVIDER_HEALED:
    case Kind::RECOVERY_RESUMED:
      break;
  }
  if (!IsFinished(book.state)) book.state = StateOf(book);
  book.updated = time;
}

bool ChangesRights(Kind kind) {
  switch (kind) {
    case Kind::AGREEMENT_ACTIVATED:
    case Kind::AGREEMENT_SUPERSEDED:
    case Kind::CLAUSE_ENDED:
    case Kind::WAIVER_GRANTED:
    case Kind::WAIVER_REVOKED:
    case Kind::TRIGGER_ASSERTED:
    case Kind::TRIGGER_DISPUTED:
    case Kind::DISPUTE_RESOLVED:
    case Kind::TRIGGER_ATTESTED:
    case Kind::TRIGGER_REJECTED:
    case Kind::TRIGGER_WITHDRAWN:
    case Kind::TRIGGER_EFFECTIVE:
      return true;
    default:
      return false;
  }
}

bool TouchesAccount(const Decision& d) {
  switch (d.kind) {
    case Kind::COMMITMENT_RESERVED:
    case Kind::COMMITMENT_RELEASED:
    case Kind::COMMITMENT_DRAWN:
    case Kind::COMMITMENT_RESTORED:
    case Kind::WAIVER_DRAWN:
    case Kind::AGGREGATION_APPLIED:
      return true;
    case Kind::OFFER_DECLINED:
      return d.cool_down != nullptr;
    default:
      return ChangesRights(d.kind);  // Others are about a request or the directory only.
  }
}

namespace {

Assertion& TriggerOf(Account& account, const Decision& d) {
  for (Assertion& trigger : account.triggers) {
    if (trigger.clause.agreement == d.clause.agreement && trigger.clause.clause == d.clause.clause)
      return trigger;
  }
  return account.triggers.emplace_back();
}

void Activate(Account& account, const Decision& d) {
  account.agreements.push_back(d.agreement);
  for (const Clause& clause : d.agreement->clauses) {
    const auto* commitment = As<CommitmentClause>(clause);
    if (commitment == nullptr) continue;
    CommitmentBalance& balance = BalanceOf(account.commitments, RefOf(*d.agreement, clause));
    balance.committed = commitment->amount;
    balance.reserved.currency = balance.drawn.currency = commitment->amount.currency;
  }
}

void Supersede(Account& account, const Decision& d) {
  for (auto& version : account.agreements) {
    if (version->agreement != d.clause.agreement || version->version != d.clause.version) continue;
    auto closed = std::make_shared<AgreementVersion>(*version);
    closed->effective_to = d.until;
    version = std::move(closed);
  }
  account.ended.emplace_back(d.clause.agreement, d.clause.version);
}

void EndClause(Account& account, const Decision& d) {
  if (d.reason == "TRIGGER") {
    account.triggered.push_back(d.clause);
    return;
  }
  std::pair version(d.clause.agreement, d.clause.version);
  if (account.ended.empty() || account.ended.back() != version)
    account.ended.push_back(std::move(version));
}

}  // namespace

void Fold(Account& account, const Decision& d, Instant time) {
  if (!TouchesAccount(d)) return;
  switch (d.kind) {
    case Kind::AGREEMENT_ACTIVATED:
      Activate(account, d);
      break;
    case Kind::AGREEMENT_SUPERSEDED:
      Supersede(account, d);
      break;
    case Kind::CLAUSE_ENDED:
      EndClause(account, d);
      break;
    case Kind::WAIVER_GRANTED:
      account.grants.push_back({d.grant, time, {}});
      break;
    case Kind::WAIVER_REVOKED:
      for (GrantedWaiver& waiver : account.grants) {
        if (waiver.grant->agreement == d.clause.agreement &&
            waiver.grant->waiver.id == d.clause.clause)
          waiver.revoked = time;
      }
      break;
    case Kind::TRIGGER_ASSERTED:
      TriggerOf(account, d) = {.clause = d.clause,
                               .asserted_by = d.party,
                               .evidence = d.evidence,
                               .asserted = time,
                               .disputable_until = d.until};
      break;
    case Kind::TRIGGER_DISPUTED:
      TriggerOf(account, d).state = TriggerState::kDisputed;
      TriggerOf(account, d).disputed_by = d.party;
      break;
    case Kind::DISPUTE_RESOLVED: {
      Assertion& trigger = TriggerOf(account, d);
      trigger.state =
          trigger.signatures.empty() ? TriggerState::kAsserted : TriggerState::kAttested;
      trigger.disputed_by.clear();
      break;
    }
    case Kind::TRIGGER_ATTESTED: {
      Assertion& trigger = TriggerOf(account, d);
      trigger.signatures.push_back({d.party, d.measure});
      if (trigger.disputed_by.empty()) trigger.state = TriggerState::kAttested;
      break;
    }
    case Kind::TRIGGER_REJECTED:
      TriggerOf(account, d).state = TriggerState::kRejected;
      break;
    case Kind::TRIGGER_WITHDRAWN:
      TriggerOf(account, d).state = TriggerState::kWithdrawn;
      break;
    case Kind::TRIGGER_EFFECTIVE:
      TriggerOf(account, d).state = TriggerState::kEffective;
      break;
    case Kind::AGGREGATION_APPLIED:
      if (d.aggregate != nullptr) account.aggregates.push_back(*d.aggregate);
      break;
    case Kind::COMMITMENT_RESERVED:
      BalanceOf(account.commitments, d.clause).reserved.micros += d.amount.micros;
      break;
    case Kind::COMMITMENT_RELEASED:
      BalanceOf(account.commitments, d.clause).reserved.micros -= d.amount.micros;
      break;
    case Kind::COMMITMENT_DRAWN: {
      CommitmentBalance& balance = BalanceOf(account.commitments, d.clause);
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
        return c.provider == d.cool_down->provider &&
               c.resource_type == d.cool_down->resource_type && c.region == d.cool_down->region;
      });
      account.cool_downs.push_back(*d.cool_down);
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
  if (d.kind == Kind::PROVIDER_TRIPPED) provider.unhealthy = true;
  if (d.kind == Kind::PROVIDER_HEALED) provider.unhealthy = false;
  directory.Put(std::move(provider));
}

void List(Book& book, const RequestId& id, Instant& listed, Instant due) {
  if (due == listed) return;
  if (listed != kLastInstant) book.deadlines.erase({listed, id});
  if (due != kLastInstant) book.deadlines.emplace(due, id);
  listed = due;
}

void List(Book& book, const RequestId& id, Filed& filed) {
  List(book, id, filed.listed, DueTime(book.account, *filed.Read()));
}

std::shared_ptr<const RequestBook> After(const RequestBook* before, const Act& act) {
  auto request =
      before == nullptr ? std::make_shared<RequestBook>() : std::make_shared<RequestBook>(*before);
  for (const Decision& d : act.decisions) Fold(*request, d, act.time);
  request->sequence = act.sequence;
  return request;
}

}  // namespace

void Fold(Book& book, const Act& act, std::shared_ptr<const RequestBook> request) {
  if (book.owner == kDirectory) {
    for (const Decision& d : act.decisions) Fold(book.directory, d);
  } else {
    bool changes_rights = false;
    for (const Decision& d : act.decisions) {
      Fold(book.account, d, act.time);
      changes_rights |= ChangesRights(d.kind);
    }
    const auto is_over = [&](const auto& entry) { return entry.until <= act.time; };
    std::erase_if(book.account.cool_downs, is_over);
    std::erase_if(book.account.aggregates, is_over);
    List(book, RequestId{}, book.account_listed, book.account.NextDeadline());
    if (act.request.IsSet()) {
      Filed& filed = book.requests[act.request];
      if (request == nullptr) request = After(filed.IsEmpty() ? nullptr : &filed.Wake(), act);
      filed.Put(std::move(request));
      List(book, act.request, filed);
    }
    if (changes_rights) {  // Which may move what is due of any request.
      for (auto& [id, filed] : book.requests) List(book, id, filed);
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

void Put(Book& book, Account account) {
  book.account = std::move(account);
  List(book, RequestId{}, book.account_listed, book.account.NextDeadline());
  for (auto& [id, filed] : book.requests) List(book, id, filed);
}

void Put(Book& book, std::shared_ptr<const RequestBook> request) {
  const RequestId id = request->request->id;
  Filed& filed = book.requests[id];
  filed.Put(std::move(request));
  List(book, id, filed);
}

void Forget(Book& book, const RequestId& id) {
  const auto found = book.requests.find(id);
  if (found == book.requests.end()) return;
  List(book, id, found->second.listed, kLastInstant);
  book.requests.erase(found);
}

}  // namespace capbroker
