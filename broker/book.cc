#include "broker/book.h"

#include <algorithm>

namespace capbroker {

int64_t RequestBook::Standing() const {
  int64_t sum = 0;
  for (const Offer& offer : offers) {
    if (IsStanding(offer.allocation)) sum += offer.accepted;
  }
  return sum;
}

Instant RequestBook::NextDeadline() const {
  if (IsFinished(state)) return kLastInstant;
  Instant next = request->expiry;
  for (const Offer& offer : offers) {
    if (offer.state == OfferState::kOpen) next = std::min(next, offer.deadline);
  }
  return next;
}

Terms TermsOf(const Request& request, const Offer& offer) {
  Terms terms = request.terms;
  terms.quantity = offer.quantity;
  terms.unit_price = offer.unit_price;
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
  return version == nullptr ? nullptr : FindClause(*version, ref.clause);
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
    return c.provider == provider && c.resource_type == terms.resource_type && c.region == terms.region &&
           t < c.until;
  });
}

Instant Account::NextDeadline() const {
  Instant next = kLastInstant;
  for (const auto& version : agreements) {
    const Instant end = EndOf(*version);
    const bool recorded =
        std::find(ended.begin(), ended.end(), std::pair(version->agreement, version->version)) != ended.end();
    // A deadline is the last instant before something happens; a clause has ended at its end.
    if (end.IsSet() && !recorded) next = std::min(next, end - Span{1});
  }
  return next;
}

const RequestBook* Book::Find(const RequestId& id) const {
  const auto found = requests.find(id);
  return found == requests.end() ? nullptr : found->second.get();
}

}  // namespace capbroker
