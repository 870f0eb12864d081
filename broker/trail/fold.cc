#include "broker/trail/fold.h"

#include <algorithm>
#include <utility>

#include "broker/trail/dues.h"
#include "broker/values/text.h"

namespace capbroker {

namespace {

absl::Status Lost(const Decision& d, std::string_view what) {
  return absl::DataLossError(Cat(NameOf(d.kind), ": ", what));
}

// What an account's decision rests on has to be there; so have the rights that a request's decision
// names.
absl::Status CheckAgainst(const Account& account, const Decision& d) {
  const auto is_right = [&](const ClauseRef& ref) {
    const Clause* clause = account.Find(ref);
    return clause != nullptr && IsRight(*clause);
  };
  switch (d.kind) {
    case Kind::AGREEMENT_ACTIVATED:
      return d.agreement != nullptr ? absl::OkStatus() : Lost(d, "no agreement");
    case Kind::WAIVER_GRANTED: {
      const bool is_waiver = d.grant != nullptr && As<Waiver>(d.grant->waiver) != nullptr;
      return is_waiver ? absl::OkStatus() : Lost(d, "no waiver");
    }
    case Kind::TRIGGER_ASSERTED:
    case Kind::TRIGGER_DISPUTED:
    case Kind::DISPUTE_RESOLVED:
    case Kind::TRIGGER_ATTESTED:
    case Kind::TRIGGER_REJECTED:
    case Kind::TRIGGER_WITHDRAWN:
    case Kind::TRIGGER_EFFECTIVE: {
      const Clause* clause = account.Find(d.clause);
      const bool is_trigger = clause != nullptr && As<TriggerClause>(*clause) != nullptr;
      return is_trigger ? absl::OkStatus() : Lost(d, Cat("no trigger ", Format(d.clause)));
    }
    case Kind::CLAUSE_ENDED:
      return account.Find(d.clause) != nullptr ? absl::OkStatus()
                                               : Lost(d, Cat("no clause ", Format(d.clause)));
    case Kind::ROUTE_EXCLUSIVE:
    case Kind::ROUTE_FIRST_REFUSAL:
      for (const ClauseRef& ref : d.clauses) {
        if (!is_right(ref)) return Lost(d, Cat("no right ", Format(ref)));
      }
      return d.clauses.empty() ? Lost(d, "no right") : absl::OkStatus();
    case Kind::OFFER_OPENED:
      return !d.clause.IsSet() || is_right(d.clause) ? absl::OkStatus()
                                                     : Lost(d, Cat("no right ", Format(d.clause)));
    default:
      return absl::OkStatus();
  }
}

}  // namespace

bool TouchesAccount(const Decision& d) {
  if (d.kind == Kind::OFFER_DECLINED) return d.cool_down != nullptr;
  if (d.kind == Kind::DEADLINE_TOLLED)
    return d.clock == WindowKind::kDispute || d.clock == WindowKind::kAttest;
  return RowOf(d.kind).touches != Touches::kNothing;
}

namespace {

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

// Of the version under which it was asserted (R18).
Assertion& TriggerOf(Account& account, const Decision& d) {
  for (Assertion& trigger : account.triggers) {
    if (trigger.clause == d.clause) return trigger;
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
    closed->effective_to = d.end_time;
    version = std::move(closed);
  }
}

void Terminate(Account& account, const Decision& d) {
  const auto known = std::find_if(
      account.terminations.begin(), account.terminations.end(), [&](const Termination& t) {
        return t.agreement == d.clause.agreement && t.version == d.clause.version;
      });
  Termination& termination =
      known != account.terminations.end() ? *known : account.terminations.emplace_back();
  termination.agreement = d.clause.agreement;
  termination.version = d.clause.version;
  (d.provider.empty() ? termination.by_owner : termination.by_holder) = d.takes_effect;
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
      account.ended.push_back({d.clause, d.end_time});
      break;
    case Kind::AGREEMENT_TERMINATED:
      Terminate(account, d);
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
      std::erase_if(account.triggers, [&](const Assertion& t) { return t.clause == d.clause; });
      account.triggers.push_back({.clause = d.clause,
                                  .asserted_by = d.party,
                                  .evidence = d.evidence,
                                  .asserted = time,
                                  .disputable_until = d.dispute_by,
                                  .attest_by = d.attest_by});
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
    case Kind::DEADLINE_TOLLED: {
      Assertion& trigger = TriggerOf(account, d);
      (d.clock == WindowKind::kDispute ? trigger.disputable_until : trigger.attest_by) = d.deadline;
      account.tolled = time;
      break;
    }
    case Kind::AGGREGATION_APPLIED:
      if (d.aggregate == nullptr) break;
      // Each request counts once, with its latest quantity (R24).
      std::erase_if(account.aggregates, [&](const Aggregate& known) {
        return known.request == d.aggregate->request && known.agreement == d.aggregate->agreement &&
               known.clause == d.aggregate->clause && known.purpose == d.aggregate->purpose;
      });
      if (d.aggregate->quantity > 0) account.aggregates.push_back(*d.aggregate);
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
    case Kind::WAIVER_RESTORED:
      BalanceOf(account.waivers, d.clause).drawn -= d.quantity;
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

absl::StatusOr<std::shared_ptr<const RequestBook>> After(const RequestBook* before,
                                                         const Act& act) {
  auto request =
      before == nullptr ? std::make_shared<RequestBook>() : std::make_shared<RequestBook>(*before);
  for (const Decision& d : act.decisions) {
    if (absl::Status status = Fold(*request, d, act.time); !status.ok()) return status;
  }
  request->sequence = act.sequence;
  return request;
}

}  // namespace

absl::Status Fold(Book& book, const Act& act, std::shared_ptr<const RequestBook> request) {
  if (book.owner == kDirectory) {
    for (const Decision& d : act.decisions) Fold(book.directory, d);
  } else {
    for (const Decision& d : act.decisions) {
      if (absl::Status status = CheckAgainst(book.account, d); !status.ok()) return status;
    }
    if (act.request.IsSet() && request == nullptr) {
      auto after = After(book.Find(act.request), act);
      if (!after.ok()) return after.status();
      request = *std::move(after);
    }
    bool changes_rights = false;
    for (const Decision& d : act.decisions) {
      Fold(book.account, d, act.time);
      changes_rights |= RowOf(d.kind).touches == Touches::kRights;
    }
    const auto is_over = [&](const auto& entry) { return entry.until <= act.time; };
    std::erase_if(book.account.cool_downs, is_over);
    std::erase_if(book.account.aggregates, is_over);
    List(book, RequestId{}, book.account_listed, DueTime(book.account));
    if (act.request.IsSet()) {
      Filed& filed = book.requests[act.request];
      filed.Put(std::move(request));
      List(book, act.request, filed);
    }
    if (changes_rights) {  // Which may move what is due of any request.
      for (auto& [id, other] : book.requests) List(book, id, other);
    }
  }
  book.sequence = std::max(book.sequence, act.sequence);
  book.time = std::max(book.time, act.time);
  return absl::OkStatus();
}

void Put(Book& book, Account account) {
  book.account = std::move(account);
  List(book, RequestId{}, book.account_listed, DueTime(book.account));
  for (auto& [id, filed] : book.requests) List(book, id, filed);
}

void Put(Book& book, std::shared_ptr<const RequestBook> request) {
  const RequestId id = request->request->id;
  Filed& filed = book.requests[id];
  filed.Put(std::move(request));
  List(book, id, filed);
}

void PutOff(Book& book, const RequestId& id, Instant until) {
  if (!id.IsSet()) return List(book, id, book.account_listed, until);
  const auto found = book.requests.find(id);
  if (found != book.requests.end()) List(book, id, found->second.listed, until);
}

void Forget(Book& book, const RequestId& id) {
  const auto found = book.requests.find(id);
  if (found == book.requests.end()) return;
  List(book, id, found->second.listed, kLastInstant);
  book.requests.erase(found);
}

}  // namespace capbroker
