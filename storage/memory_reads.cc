#include <algorithm>

#include "broker/trail/canonical.h"
#include "broker/values/text.h"
#include "storage/memory_ledger.h"
#include "storage/page_token.h"

namespace capbroker {
namespace {

template <class State>
bool IsWanted(const std::vector<State>& states, State state) {
  return states.empty() || std::find(states.begin(), states.end(), state) != states.end();
}

}  // namespace

const MemoryLedger::Owner* MemoryLedger::Find(const OwnerId& owner) const {
  const auto found = owners_.find(owner);
  return found == owners_.end() ? nullptr : &found->second;
}

absl::StatusOr<std::vector<RecoveredOwner>> MemoryLedger::Recover(uint32_t partition) {
  ScopedTicketLock lock(&mutex_);
  if (absl::Status status = Writable(); !status.ok()) return status;
  if (partition >= partitions_.size())
    return absl::InvalidArgumentError(Cat("partition: got ", partition));
  std::vector<RecoveredOwner> all;
  for (const auto& [id, owner] : owners_) {
    if (names_.PartitionOf(id) != partition || !owner.book) continue;
    RecoveredOwner& recovered = all.emplace_back(RecoveredOwner{*owner.book, {}, {}});
    if (const auto account = owner.trails.find(RequestId{}); account != owner.trails.end()) {
      for (uint64_t sequence : account->second) {
        absl::StatusOr<Act> act = DecodeAct(owner.acts.at(sequence).text);
        if (!act.ok()) return absl::DataLossError(act.status().message());
        recovered.acts.push_back(*std::move(act));
      }
    }
    for (const auto& [request, row] : owner.requests) {
      if (!IsFinished(row.state) || row.is_live) recovered.unfinished.push_back(request);
    }
  }
  return all;
}

absl::StatusOr<std::vector<KeyRecord>> MemoryLedger::Keys(const OwnerId& owner,
                                                          const std::vector<IdempotencyKey>& keys) {
  ScopedTicketLock lock(&mutex_);
  if (absl::Status status = Readable(); !status.ok()) return status;
  std::vector<KeyRecord> records;
  for (const IdempotencyKey& key : std::set<IdempotencyKey>(keys.begin(), keys.end())) {
    const auto found = keys_.find({owner, key});
    if (found != keys_.end()) records.push_back(found->second);
  }
  return records;
}

absl::StatusOr<std::vector<SealedAct>> MemoryLedger::ReadRequest(const OwnerId& owner,
                                                                 const RequestId& request) {
  absl::StatusOr<std::vector<RequestTrail>> trails = ReadRequests({{owner, request}});
  if (!trails.ok()) return trails.status();
  if (trails->front().acts.empty()) {
    return absl::NotFoundError(Cat("request ", Format(request), " of ", owner.value));
  }
  return std::move(trails->front().acts);
}

absl::StatusOr<std::vector<RequestTrail>> MemoryLedger::ReadRequests(
    const std::vector<std::pair<OwnerId, RequestId>>& requests) {
  ScopedTicketLock lock(&mutex_);
  if (absl::Status status = Readable(); !status.ok()) return status;
  std::vector<RequestTrail> trails;
  for (const auto& [id, request] : requests) {
    trails.push_back({id, {}});
    const Owner* owner = Find(id);
    if (owner == nullptr || !request.IsSet()) continue;
    const auto trail = owner->trails.find(request);
    if (trail == owner->trails.end()) continue;
    for (uint64_t sequence : trail->second) {
      if (const auto act = owner->acts.find(sequence); act != owner->acts.end()) {
        trails.back().acts.push_back(act->second);
      }
    }
  }
  return trails;
}

absl::StatusOr<std::vector<SealedAct>> MemoryLedger::ReadActs(const ActRange& range) {
  ScopedTicketLock lock(&mutex_);
  if (absl::Status status = Readable(); !status.ok()) return status;
  std::vector<SealedAct> acts;
  const Owner* owner = Find(range.owner);
  if (owner == nullptr) return acts;
  const auto take = [&](const auto& entry) {
    if (!range.account_only || !entry.second.request.IsSet()) acts.push_back(entry.second);
  };
  if (range.newest_first) {
    const auto end = range.from == 0 ? owner->acts.end() : owner->acts.lower_bound(range.from);
    for (auto at = std::make_reverse_iterator(end);
         at != owner->acts.rend() && acts.size() < range.limit; ++at)
      take(*at);
  } else {
    for (auto at = owner->acts.upper_bound(range.from);
         at != owner->acts.end() && acts.size() < range.limit; ++at) {
      take(*at);
    }
  }
  return acts;
}

absl::StatusOr<Page<RequestRow>> MemoryLedger::ListRequests(const RequestFilter& filter,
                                                            uint32_t size,
                                                            const std::string& token) {
  const std::string list = ListName(filter);
  const absl::StatusOr<RowPosition> from = ParseRowToken(list, token);
  if (!from.ok()) return from.status();
  size = PageSize(size);
  ScopedTicketLock lock(&mutex_);
  if (absl::Status status = Readable(); !status.ok()) return status;
  Page<RequestRow> page;
  const Owner* owner = Find(filter.owner);
  if (owner == nullptr) return page;
  for (auto at = std::make_reverse_iterator(owner->requests.lower_bound(from->request));
       at != owner->requests.rend(); ++at) {
    if (!IsWanted(filter.states, at->second.state)) continue;
    if (page.items.size() == size) {
      page.next = RowToken(list, {page.items.back().request, 0, filter.owner});
      break;
    }
    page.items.push_back(at->second);
  }
  return page;
}

absl::StatusOr<Page<OfferRow>> MemoryLedger::ListOffers(const OfferFilter& filter, uint32_t size,
                                                        const std::string& token) {
  const std::string list = ListName(filter);
  const absl::StatusOr<RowPosition> from = ParseRowToken(list, token);
  if (!from.ok()) return from.status();
  size = PageSize(size);
  ScopedTicketLock lock(&mutex_);
  if (absl::Status status = Readable(); !status.ok()) return status;
  Page<OfferRow> page;
  const auto found = by_provider_.find(filter.provider);
  if (found == by_provider_.end()) return page;
  const std::set<OfferKey>& keys = found->second;
  for (auto at =
           std::make_reverse_iterator(keys.lower_bound({from->request, from->offer, from->owner}));
       at != keys.rend(); ++at) {
    const auto& [request, number, owner] = *at;
    const OfferRow& row = owners_.at(owner).offers.at({request, number});
    if (!IsWanted(filter.states, row.state)) continue;
    if (page.items.size() == size) {
      const OfferRow& last = page.items.back();
      page.next = RowToken(list, {last.request, last.offer, last.owner});
      break;
    }
    page.items.push_back(row);
  }
  return page;
}

absl::StatusOr<std::vector<OwnerId>> MemoryLedger::Owners(const OwnerId& after, uint32_t limit) {
  ScopedTicketLock lock(&mutex_);
  if (absl::Status status = Readable(); !status.ok()) return status;
  std::vector<OwnerId> owners;
  for (auto at = owners_.upper_bound(after); at != owners_.end() && owners.size() < limit; ++at) {
    if (at->second.book) owners.push_back(at->first);
  }
  return owners;
}

absl::StatusOr<std::optional<BookRow>> MemoryLedger::ReadBook(const OwnerId& owner) {
  ScopedTicketLock lock(&mutex_);
  if (absl::Status status = Readable(); !status.ok()) return status;
  const Owner* found = Find(owner);
  return found == nullptr ? std::nullopt : found->book;
}

absl::StatusOr<std::vector<RequestRow>> MemoryLedger::AllRequests(const OwnerId& owner) {
  ScopedTicketLock lock(&mutex_);
  if (absl::Status status = Readable(); !status.ok()) return status;
  std::vector<RequestRow> rows;
  if (const Owner* found = Find(owner)) {
    for (const auto& [id, row] : found->requests) rows.push_back(row);
  }
  return rows;
}

absl::StatusOr<std::vector<OfferRow>> MemoryLedger::AllOffers(const OwnerId& owner) {
  ScopedTicketLock lock(&mutex_);
  if (absl::Status status = Readable(); !status.ok()) return status;
  std::vector<OfferRow> rows;
  if (const Owner* found = Find(owner)) {
    for (const auto& [id, row] : found->offers) rows.push_back(row);
  }
  return rows;
}

}  // namespace capbroker
