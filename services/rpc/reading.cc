#include "services/rpc/reading.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "broker/trail/canonical.h"
#include "broker/trail/fold.h"
#include "broker/values/text.h"
#include "services/access/guard.h"

namespace capbroker {
namespace {

absl::StatusOr<std::vector<Act>> Decoded(const std::vector<SealedAct>& trail) {
  std::vector<Act> acts;
  acts.reserve(trail.size());
  for (const SealedAct& sealed : trail) {
    absl::StatusOr<Act> act = DecodeAct(sealed.text);
    if (!act.ok()) return act.status();
    acts.push_back(*std::move(act));
  }
  return acts;
}

absl::StatusOr<RequestBook> FoldTrail(const std::vector<SealedAct>& trail) {
  const absl::StatusOr<std::vector<Act>> acts = Decoded(trail);
  if (!acts.ok()) return acts.status();
  return FoldRequest(*acts);
}

}  // namespace

absl::StatusOr<std::vector<Act>> ReadActsOf(Ledger& ledger, const RequestName& name) {
  const absl::StatusOr<std::vector<SealedAct>> trail = ledger.ReadRequest(name.owner, name.request);
  if (!trail.ok()) {
    return trail.status().code() == absl::StatusCode::kNotFound ? NoSuch(FullName(name))
                                                                : trail.status();
  }
  return Decoded(*trail);
}

absl::StatusOr<RequestBook> ReadRequest(Ledger& ledger, const RequestName& name) {
  const absl::StatusOr<std::vector<Act>> acts = ReadActsOf(ledger, name);
  if (!acts.ok()) return acts.status();
  return FoldRequest(*acts);
}

absl::StatusOr<std::vector<OwnedRequest>> ReadRequests(
    Ledger& ledger, const std::vector<std::pair<OwnerId, RequestId>>& names) {
  std::vector<OwnedRequest> requests;
  if (names.empty()) return requests;
  const absl::StatusOr<std::vector<RequestTrail>> trails = ledger.ReadRequests(names);
  if (!trails.ok()) return trails.status();
  for (const RequestTrail& trail : *trails) {
    if (trail.acts.empty()) continue;
    absl::StatusOr<RequestBook> request = FoldTrail(trail.acts);
    if (!request.ok()) return request.status();
    requests.emplace_back(trail.owner, *std::move(request));
  }
  return requests;
}

absl::StatusOr<std::vector<OfferOf>> ReadOffers(Ledger& ledger, const std::vector<OfferRow>& rows) {
  absl::flat_hash_map<std::pair<OwnerId, RequestId>, std::shared_ptr<const RequestBook>> books;
  std::vector<std::pair<OwnerId, RequestId>> names;
  for (const OfferRow& row : rows) {
    if (books.try_emplace({row.owner, row.request}).second)
      names.emplace_back(row.owner, row.request);
  }
  absl::StatusOr<std::vector<OwnedRequest>> requests = ReadRequests(ledger, names);
  if (!requests.ok()) return requests.status();
  for (auto& [owner, request] : *requests) {
    const RequestId id = request.request->id;
    books[{owner, id}] = std::make_shared<const RequestBook>(std::move(request));
  }
  std::vector<OfferOf> offers;
  for (const OfferRow& row : rows) {
    const std::shared_ptr<const RequestBook>& request = books[{row.owner, row.request}];
    const Offer* offer = request == nullptr ? nullptr : request->Find(row.offer);
    if (offer != nullptr) offers.push_back({row.owner, request, offer});
  }
  return offers;
}

absl::StatusOr<Account> ReadAgreements(Ledger& ledger, const OwnerId& owner, uint64_t until) {
  Account account;
  Ledger::ActRange range{.owner = owner, .account_only = true};
  while (true) {
    const absl::StatusOr<std::vector<SealedAct>> acts = ledger.ReadActs(range);
    if (!acts.ok()) return acts.status();
    for (const SealedAct& sealed : *acts) {
      if (sealed.sequence > until) return account;
      const absl::StatusOr<Act> act = DecodeAct(sealed.text);
      if (!act.ok()) return act.status();
      for (const Decision& decision : act->decisions) Fold(account, decision, act->time);
    }
    if (acts->size() < range.limit) return account;
    range.from = acts->back().sequence;
  }
}

absl::StatusOr<Account> ReadAccount(Ledger& ledger, const OwnerId& owner) {
  absl::StatusOr<Account> account = ReadAgreements(ledger, owner);
  if (!account.ok()) return account;
  absl::StatusOr<std::optional<BookRow>> row = ledger.ReadBook(owner);
  if (!row.ok()) return row.status();
  if (!row->has_value()) return account;
  account->commitments = std::move((*row)->commitments);
  account->waivers = std::move((*row)->waivers);
  account->cool_downs = std::move((*row)->cool_downs);
  account->aggregates = std::move((*row)->aggregates);
  return account;
}

absl::StatusOr<std::vector<SealedAct>> ReadTrail(Ledger& ledger, const TrailPart& part) {
  if (!part.name.request.IsSet()) {
    return ledger.ReadActs({.owner = part.name.owner,
                            .from = part.from,
                            .newest_first = part.newest_first,
                            .limit = part.limit});
  }
  absl::StatusOr<std::vector<SealedAct>> acts =
      ledger.ReadRequest(part.name.owner, part.name.request);
  if (!acts.ok()) {
    const bool missing = acts.status().code() == absl::StatusCode::kNotFound;
    return missing ? NoSuch(FullName(RequestName{part.name.owner, part.name.request}))
                   : acts.status();
  }
  // The trail of one request is short enough to be read as a whole.
  if (part.newest_first) std::reverse(acts->begin(), acts->end());
  std::erase_if(*acts, [&](const SealedAct& act) {
    if (part.from == 0) return false;
    return part.newest_first ? act.sequence >= part.from : act.sequence <= part.from;
  });
  if (acts->size() > part.limit) acts->resize(part.limit);
  return acts;
}

absl::StatusOr<std::vector<SealedAct>> ReadEvidence(Ledger& ledger, const TrailPart& part) {
  if (!part.name.request.IsSet()) return ReadTrail(ledger, part);
  absl::StatusOr<std::vector<SealedAct>> acts =
      ReadTrail(ledger, {.name = part.name, .limit = UINT32_MAX});
  if (!acts.ok()) return acts.status();
  const uint64_t last = acts->back().sequence;
  for (Ledger::ActRange range{.owner = part.name.owner, .account_only = true};;) {
    absl::StatusOr<std::vector<SealedAct>> more = ledger.ReadActs(range);
    if (!more.ok()) return more.status();
    for (SealedAct& act : *more) {
      range.from = act.sequence;
      if (act.sequence < last) acts->push_back(std::move(act));
    }
    if (more->size() < range.limit || range.from >= last) break;
  }
  std::sort(acts->begin(), acts->end(),
            [](const SealedAct& a, const SealedAct& b) { return a.sequence < b.sequence; });
  std::erase_if(*acts, [&](const SealedAct& act) { return act.sequence <= part.from; });
  if (acts->size() > part.limit) acts->resize(part.limit);
  return acts;
}

}  // namespace capbroker
