#include "broker/trail/book.h"

#include <algorithm>

#include "broker/trail/pack.h"

namespace capbroker {

int64_t RequestBook::Standing() const {
  int64_t sum = 0;
  for (const Lineage& lineage : lineages) sum += lineage.units.Placed();
  return sum;
}

Instant RequestBook::EndOfRound(const Offer& bid) const {
  Instant last = bid.deadline;
  for (const Offer& offer : offers) {
    if (offer.lineage == bid.lineage && offer.sealed && offer.IsUnanswered())
      last = std::max(last, offer.deadline);
  }
  return last;
}

const Offer* RequestBook::CandidateOf(const Lineage& lineage) const {
  for (const Offer& offer : offers) {
    if (offer.lineage == lineage.number && offer.promise == Promise::kSelected &&
        !IsExchange(offer))
      return &offer;
  }
  return nullptr;
}

bool RequestBook::IsRoutedAnew(Instant now) const {
  const bool may_come_back = !IsFinished(state) || state == RequestState::kFulfilled ||
                             state == RequestState::kPartiallyFulfilled;
  return may_come_back && now <= request->expiry;
}

bool RequestBook::IsLive() const {
  return !IsFinished(state) || std::any_of(offers.begin(), offers.end(), [](const Offer& offer) {
    return offer.allocation.IsStanding() && offer.allocation.ends.IsSet();
  });
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
  const Assertion* latest = nullptr;
  for (const Assertion& candidate : triggers) {
    if (candidate.clause.agreement == agreement && candidate.clause.clause == trigger)
      latest = &candidate;
  }
  return latest;
}

Instant Account::EndOfVersion(const AgreementVersion& version) const {
  Instant end = kLastInstant;
  if (const Instant known = EndOf(version); known.IsSet()) end = known;
  for (const Termination& termination : terminations) {
    const bool is_meant = termination.agreement == version.agreement &&
                          (termination.version == 0 || termination.version == version.version);
    if (is_meant && termination.TakesEffect().IsSet())
      end = std::min(end, termination.TakesEffect());
  }
  return end;
}

namespace {

// Of the clause in this version alone.
Instant EndIn(const Account& account, const AgreementVersion& version, const Clause& clause) {
  Instant end = account.EndOfVersion(version);
  const ClauseRef ref = RefOf(version, clause);
  for (const EndedClause& ended : account.ended) {
    if (ended.clause == ref) end = std::min(end, ended.time);
  }
  return end;
}

}  // namespace

Instant Account::EndOfClause(const ClauseRef& ref) const {
  const Clause& clause = *Find(ref);
  Instant end = EndIn(*this, *Find(ref.agreement, ref.version), clause);
  for (const auto& version : agreements) {  // Of one agreement they stand in their order.
    if (version->agreement != ref.agreement || version->version <= ref.version) continue;
    if (version->effective_from > end) break;
    const Clause* later = FindClause(*version, ref.clause);
    if (later != nullptr && KindOf(*later) == KindOf(clause))
      end = std::max(end, EndIn(*this, *version, *later));
  }
  return end;
}

bool Account::IsEndRecorded(const ClauseRef& ref) const {
  return std::any_of(ended.begin(), ended.end(),
                     [&](const EndedClause& known) { return known.clause == ref; });
}

const Assertion* Account::FindAssertion(const ClauseRef& trigger) const {
  const auto found = std::find_if(triggers.begin(), triggers.end(),
                                  [&](const Assertion& t) { return t.clause == trigger; });
  return found == triggers.end() ? nullptr : &*found;
}

std::vector<const AgreementVersion*> Account::InForce(Instant t) const {
  std::vector<const AgreementVersion*> versions;
  for (const auto& candidate : agreements) {
    if (candidate->effective_from <= t && t < EndOfVersion(*candidate))
      versions.push_back(candidate.get());
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
