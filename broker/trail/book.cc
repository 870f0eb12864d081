#include "broker/trail/book.h"

#include <algorithm>

#include "broker/trail/pack.h"

namespace capbroker {

int64_t RequestBook::Standing() const {
  int64_t sum = 0;
  for (const Offer& offer : offers) {
    if (IsStanding(offer.allocation)) sum += offer.accepted;
  }
  return sum;
}

bool RequestBook::IsInPlay() const {
  return std::any_of(lineages.begin(), lineages.end(),
                     [](const Lineage& l) { return l.remaining > 0; }) ||
         std::any_of(offers.begin(), offers.end(), [](const Offer& o) {
           return o.state == OfferState::kOpen || o.allocation == AllocationState::kHeld;
         });
}

Instant RequestBook::NextDeadline() const {
  if (IsFinished(state)) return kLastInstant;
  Instant next = IsInPlay() ? request->expiry : kLastInstant;
  const auto until = [&](Instant t) {
    if (t.IsSet()) next = std::min(next, t);
  };
  for (const Offer& offer : offers) {
    if (offer.state == OfferState::kOpen && !offer.standby)
      until(offer.has_bid ? EndOfRound(offer) : offer.deadline);
    if (offer.state == OfferState::kCountered) until(offer.take_by);
    if (offer.allocation == AllocationState::kHeld) until(offer.confirm_by);
    if (offer.allocation == AllocationState::kConfirmed && offer.withdraws.IsSet())
      until(offer.withdraws - Span{1});
  }
  for (const Lineage& lineage : lineages) {
    for (const Right& right : lineage.rights) {
      if (right.close_by.IsSet() && IsUnconfirmed(lineage)) until(right.close_by);
    }
  }
  return next;
}

Instant RequestBook::EndOfRound(const Offer& bid) const {
  Instant last = bid.deadline;
  for (const Offer& offer : offers) {
    if (offer.lineage == bid.lineage && offer.state == OfferState::kOpen && offer.sealed &&
        !offer.standby)
      last = std::max(last, offer.deadline);
  }
  return last;
}

bool RequestBook::IsUnconfirmed(const Lineage& lineage) const {
  return lineage.stage != Lineage::Stage::kClosed &&
         (lineage.remaining > 0 ||
          std::any_of(offers.begin(), offers.end(), [&](const Offer& offer) {
            return offer.lineage == lineage.number && !offer.clause.IsSet() &&
                   offer.allocation == AllocationState::kHeld;
          }));
}

Terms TermsOf(const RequestBook& book, const Offer& offer) {
  if (offer.terms != nullptr) return *offer.terms;
  Terms terms = book.VersionOf(offer).terms;
  terms.quantity = offer.quantity;
  terms.unit_price = offer.unit_price;
  return terms;
}

Terms AgreedTermsOf(const RequestBook& book, const Offer& offer) {
  Terms terms = offer.answer != nullptr ? *offer.answer : TermsOf(book, offer);
  if (offer.promised != 0) terms.quantity = offer.promised;
  return terms;
}

const AgreementVersion* Account::Find(const AgreementId& id, uint32_t version) const {
  for (const auto& candidate : agreements) {
    if (candidate->agreement == id && candidate->version == version) return candidate.get();
  }
  return nullptr;
}

const AgreementVersion* Account::Latest(const AgreementId& id) const {
  const AgreementVersion* latest = nullptr;
  for (const auto& candidate : agreements) {
    if (candidate->agreement == id) latest = candidate.get();
  }
  return latest;
}

const Clause* Account::Find(const ClauseRef& ref) const {
  const AgreementVersion* version = Find(ref.agreement, ref.version);
  if (version == nullptr) return nullptr;
  if (const Clause* clause = FindClause(*version, ref.clause); clause != nullptr) return clause;
  const GrantedWaiver* waiver = FindGrant(ref.agreement, ref.clause);
  return waiver == nullptr ? nullptr : &waiver->grant->waiver;
}

const GrantedWaiver* Account::FindGrant(const AgreementId& agreement,
                                        const ClauseId& waiver) const {
  for (const GrantedWaiver& candidate : grants) {
    if (candidate.grant->agreement == agreement && candidate.grant->waiver.id == waiver)
      return &candidate;
  }
  return nullptr;
}

const Assertion* Account::FindTrigger(const AgreementId& agreement, const ClauseId& trigger) const {
  for (const Assertion& candidate : triggers) {
    if (candidate.clause.agreement == agreement && candidate.clause.clause == trigger)
      return &candidate;
  }
  return nullptr;
}

bool Account::HasEnded(const ClauseRef& ref, Instant t) const {
  const Clause& pinned = *Find(ref);
  for (const AgreementVersion* version : InForce(t)) {
    if (version->agreement != ref.agreement) continue;
    const Clause* clause = FindClause(*version, ref.clause);
    if (clause != nullptr && KindOf(*clause) == KindOf(pinned) &&
        !IsTriggered(RefOf(*version, *clause)))
      return false;
  }
  return true;
}

bool Account::IsTriggered(const ClauseRef& ref) const {
  return std::find(triggered.begin(), triggered.end(), ref) != triggered.end();
}

Instant Account::EndOfRight(const ClauseRef& ref, Instant t) const {
  if (HasEnded(ref, t)) return t;
  Instant next = kLastInstant;
  for (const auto& version : agreements) {
    if (version->agreement != ref.agreement) continue;
    if (const Instant end = EndOf(*version);
        end.IsSet() && end > t && end < next && HasEnded(ref, end))
      next = end;
  }
  return next;
}

std::vector<const AgreementVersion*> Account::InForce(Instant t) const {
  std::vector<const AgreementVersion*> versions;
  for (const auto& candidate : agreements) {
    if (IsInForce(*candidate, t)) versions.push_back(candidate.get());
  }
  return versions;
}

int64_t Account::WaiverDrawn(const AgreementId& agreement, const ClauseId& clause) const {
  for (const WaiverUse& use : waivers) {
    if (use.agreement == agreement && use.clause == clause) return use.drawn;
  }
  return 0;
}

bool Account::IsCoolingDown(const ProviderId& provider, const Terms& terms, Instant t) const {
  return std::any_of(cool_downs.begin(), cool_downs.end(), [&](const CoolDown& c) {
    return c.provider == provider && c.resource_type == terms.resource_type &&
           c.region == terms.region && t < c.until;
  });
}

Instant Account::NextDeadline() const {
  Instant next = kLastInstant;
  for (const auto& version : agreements) {
    const Instant end = EndOf(*version);
    const bool recorded = std::find(ended.begin(), ended.end(),
                                    std::pair(version->agreement, version->version)) != ended.end();
    // A deadline is the last instant before something happens; a clause has ended at its end.
    if (end.IsSet() && !recorded) next = std::min(next, end - Span{1});
  }
  for (const Assertion& trigger : triggers) {
    if (IsFinal(trigger.state) || !trigger.disputed_by.empty() ||
        !IsAttested(*As<TriggerClause>(*Find(trigger.clause)), trigger))
      continue;
    next = std::min(next, trigger.disputable_until);
  }
  return next;
}

Instant DueTime(const Account& account, const RequestBook& request) {
  Instant due = request.NextDeadline();
  if (IsFinished(request.state)) return due;
  for (const Offer& offer : request.offers) {
    if (offer.state != OfferState::kOpen || !offer.clause.IsSet() ||
        !AskingOf(*account.Find(offer.clause))->void_on_end)
      continue;
    due = std::min(due, account.EndOfRight(offer.clause, offer.opened) - Span{1});
  }
  for (const Lineage& lineage : request.lineages) {
    if (const Instant from = WaiverDue(account, request, lineage); from != kLastInstant)
      due = std::min(due, from - Span{1});
  }
  return due;
}

bool MayLift(const GrantedWaiver& waiver, const RequestBook& request, const Lineage& lineage) {
  const ClauseRef& blocking = lineage.rights.front().clause;
  const Grant& grant = *waiver.grant;
  const std::vector<ClauseId>& lifts = As<Waiver>(grant.waiver)->lifts;
  return !waiver.revoked.IsSet() && grant.agreement == blocking.agreement &&
         (!grant.request.IsSet() || grant.request == request.request->id) &&
         std::find(lifts.begin(), lifts.end(), blocking.clause) != lifts.end();
}

Instant WaiverDue(const Account& account, const RequestBook& request, const Lineage& lineage) {
  Instant due = kLastInstant;
  if (lineage.stage != Lineage::Stage::kBlocked || lineage.remaining == 0) return due;
  for (const GrantedWaiver& waiver : account.grants) {
    const Instant from = std::max(waiver.granted, As<Waiver>(waiver.grant->waiver)->start_time);
    if (from >= lineage.blocked && MayLift(waiver, request, lineage)) due = std::min(due, from);
  }
  return due;
}

std::shared_ptr<const RequestBook> Filed::Read() const {
  const auto* packed = std::get_if<PackedRequest>(&request_);
  return packed != nullptr ? Unpack(*packed) : std::get<0>(request_);
}

const RequestBook& Filed::Wake() const {
  if (std::holds_alternative<PackedRequest>(request_)) request_ = Read();
  return *std::get<0>(request_);
}

void Filed::Pack(uint64_t sequence) {
  const auto* request = std::get_if<0>(&request_);
  if (request != nullptr && (*request)->sequence == sequence) request_ = capbroker::Pack(**request);
}

bool Filed::IsEmpty() const {
  const auto* request = std::get_if<0>(&request_);
  return request != nullptr && *request == nullptr;
}

const RequestBook* Book::Find(const RequestId& id) const {
  const auto found = requests.find(id);
  return found == requests.end() ? nullptr : &found->second.Wake();
}

std::shared_ptr<const RequestBook> Book::Share(const RequestId& id) const {
  const auto found = requests.find(id);
  if (found == requests.end()) return nullptr;
  found->second.Wake();
  return found->second.Read();
}

}  // namespace capbroker
