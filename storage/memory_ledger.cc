// Partitions and writing; memory_reads.cc has the rest.
#include "storage/memory_ledger.h"

#include "broker/trail/canonical.h"
#include "broker/values/text.h"
#include "storage/state_numbers.h"

namespace capbroker {

MemoryLedger::MemoryLedger(uint32_t partitions, std::function<Instant()> clock)
    : clock_(std::move(clock)), names_(partitions), partitions_(partitions) {}

void MemoryLedger::FailNextCommit(CommitOutcome outcome, bool takes_effect) {
  ScopedTicketLock lock(&mutex_);
  faults_.push_back({outcome, takes_effect});
}

void MemoryLedger::FailNoCommit() {
  ScopedTicketLock lock(&mutex_);
  faults_.clear();
}

void MemoryLedger::SetUnavailable(bool writing, bool reading) {
  ScopedTicketLock lock(&mutex_);
  writing_fails_ = writing;
  reading_fails_ = reading;
}

void MemoryLedger::Tamper(const OwnerId& owner,
                          const std::function<void(std::map<uint64_t, SealedAct>&)>& acts) {
  ScopedTicketLock lock(&mutex_);
  acts(owners_[owner].acts);
}

void MemoryLedger::TamperRows(const OwnerId& owner, const std::function<void(RequestRow&)>& request,
                              const std::function<void(OfferRow&)>& offer,
                              const std::function<void(BookRow&)>& book) {
  ScopedTicketLock lock(&mutex_);
  Owner& held = owners_[owner];
  for (auto& [id, row] : held.requests) {
    if (request) request(row);
  }
  for (auto& [id, row] : held.offers) {
    if (offer) offer(row);
  }
  if (book && held.book) book(*held.book);
}

absl::Status MemoryLedger::Readable() const {
  return reading_fails_ ? absl::UnavailableError("memory: reading fails") : absl::OkStatus();
}
absl::Status MemoryLedger::Writable() const {
  return writing_fails_ ? absl::UnavailableError("memory: writing fails") : absl::OkStatus();
}

absl::StatusOr<uint32_t> MemoryLedger::Open() {
  ScopedTicketLock lock(&mutex_);
  if (absl::Status status = Readable(); !status.ok()) return status;
  return names_.partitions();
}

absl::StatusOr<std::vector<Tenure>> MemoryLedger::Take(const std::string& holder,
                                                       const std::string& address,
                                                       const std::vector<uint32_t>& partitions,
                                                       Span lease) {
  if (holder.empty()) return absl::InvalidArgumentError("holder: got \"\", want a name");
  ScopedTicketLock lock(&mutex_);
  if (absl::Status status = Writable(); !status.ok()) return status;
  const Instant now = clock_();
  const std::set<uint32_t> ids(partitions.begin(), partitions.end());
  for (uint32_t id : ids) {
    if (id >= partitions_.size()) return absl::InvalidArgumentError(Cat("partitions: got ", id));
    const Partition& partition = partitions_[id];
    if (!partition.holder.empty() && partition.holder != holder &&
        partition.heartbeat > now - lease) {
      return absl::FailedPreconditionError(
          Cat("partition ", id, " is held by ", partition.holder, " at ", partition.address));
    }
  }
  std::vector<Tenure> taken;
  for (uint32_t id : ids) {
    Partition& partition = partitions_[id];
    const Instant down_since =
        partition.down_since.IsSet() ? partition.down_since : partition.heartbeat;
    taken.push_back({id, partition.epoch + 1, partition.batch, partition.heartbeat, down_since});
    partition = {holder, address, partition.epoch + 1, partition.batch, now, down_since};
  }
  return taken;
}

bool MemoryLedger::Holds(const Tenure& tenure) const {
  return tenure.partition < partitions_.size() &&
         partitions_[tenure.partition].epoch == tenure.epoch &&
         !partitions_[tenure.partition].holder.empty();
}

absl::StatusOr<Instant> MemoryLedger::Heartbeat(const std::vector<Tenure>& held) {
  ScopedTicketLock lock(&mutex_);
  if (absl::Status status = Writable(); !status.ok()) return status;
  for (const Tenure& tenure : held) {
    if (!Holds(tenure))
      return absl::FailedPreconditionError(Cat("fenced: partition ", tenure.partition));
  }
  const Instant now = clock_();
  for (const Tenure& tenure : held) {
    Partition& partition = partitions_[tenure.partition];
    partition.heartbeat = now;
    if (!tenure.down_since.IsSet()) partition.down_since = {};
  }
  return now;
}

absl::Status MemoryLedger::Release(const std::vector<Tenure>& held) {
  ScopedTicketLock lock(&mutex_);
  if (absl::Status status = Writable(); !status.ok()) return status;
  for (const Tenure& tenure : held) {
    if (!Holds(tenure)) continue;
    Partition& partition = partitions_[tenure.partition];
    partition.holder.clear();
    partition.address.clear();
    partition.heartbeat = clock_();
  }
  return absl::OkStatus();
}

void MemoryLedger::Send(const Batch& batch) {
  ScopedTicketLock lock(&mutex_);
  results_.push_back(CommitBatch(batch));
}

std::optional<CommitResult> MemoryLedger::Receive() {
  ScopedTicketLock lock(&mutex_);
  if (results_.empty()) return std::nullopt;
  CommitResult result = std::move(results_.front());
  results_.pop_front();
  return result;
}

CommitResult MemoryLedger::CommitBatch(const Batch& batch) {
  if (writing_fails_) return {CommitOutcome::kUnknown, {}, "memory: writing fails"};
  CommitResult result = CheckBatch(batch);
  std::optional<Fault> fault;
  if (!faults_.empty()) {
    fault = faults_.front();
    faults_.pop_front();
  }
  if (result.outcome != CommitOutcome::kDurable) return result;
  if (!fault || fault->takes_effect) Apply(batch);
  if (fault)
    return {fault->outcome, fault->outcome == CommitOutcome::kDurable ? clock_() : Instant{},
            "memory: as told"};
  result.database_time = clock_();
  return result;
}

CommitResult MemoryLedger::CheckBatch(const Batch& batch) {
  const auto refuse = [](const auto&... why) {
    return CommitResult{CommitOutcome::kRefused, {}, Cat(why...)};
  };
  if (std::string flaw = FlawOf(batch, names_); !flaw.empty()) return refuse(flaw);
  for (const Batch::Fence& fence : batch.fences) {
    const Partition& partition = partitions_[fence.partition];
    if (partition.epoch != fence.epoch || partition.batch != fence.last_batch) {
      return {CommitOutcome::kFenced, {}, Cat("fenced: partition ", fence.partition)};
    }
  }
  std::set<std::pair<OwnerId, IdempotencyKey>> keys;
  std::set<std::pair<OwnerId, uint64_t>> acts;
  for (const SealedAct& act : batch.acts) {
    if (act.repeat && (keys_.contains({act.owner, act.repeat->key}) ||
                       !keys.insert({act.owner, act.repeat->key}).second)) {
      return {CommitOutcome::kDuplicateKey, {}, "act: its key is already recorded"};
    }
    const Owner* owner = Find(act.owner);
    if (act.text.find('\0') != std::string::npos) return refuse("act: text holds a NUL");
    if (!acts.insert({act.owner, act.sequence}).second ||
        (owner != nullptr && owner->acts.contains(act.sequence))) {
      return refuse("act ", act.sequence, " of ", act.owner.value, " exists");
    }
  }
  std::set<std::pair<OwnerId, RequestId>> requests;
  for (const auto* rows : {&batch.new_requests, &batch.requests}) {
    for (const RequestRow& row : *rows) {
      const Owner* owner = Find(row.owner);
      bool exists = owner != nullptr && owner->requests.contains(row.request);
      if (exists && rows == &batch.requests)
        exists =
            NumberOf(owner->requests.at(row.request).state,
                     owner->requests.at(row.request).is_live) == NumberOf(row.before, row.was_live);
      if (exists != (rows == &batch.requests) ||
          !requests.insert({row.owner, row.request}).second) {
        return refuse("request ", Format(row.request), exists ? " exists" : " is not there",
                      ", or comes twice");
      }
    }
  }
  std::set<std::tuple<OwnerId, RequestId, uint32_t>> offers;
  for (const auto* rows : {&batch.new_offers, &batch.offers}) {
    for (const OfferRow& row : *rows) {
      const Owner* owner = Find(row.owner);
      const bool exists = owner != nullptr && owner->offers.contains({row.request, row.offer});
      if (exists != (rows == &batch.offers) ||
          !offers.insert({row.owner, row.request, row.offer}).second) {
        return refuse("offer ", row.offer, exists ? " exists" : " is not there",
                      ", or comes twice");
      }
    }
  }
  std::set<OwnerId> books;
  for (const BookRow& row : batch.books) {
    if (!books.insert(row.owner).second) return refuse("book of ", row.owner.value);
  }
  return {CommitOutcome::kDurable, {}, ""};
}

void MemoryLedger::Apply(const Batch& batch) {
  const Instant now = clock_();
  for (const Batch::Fence& fence : batch.fences) {
    ++partitions_[fence.partition].batch;
    partitions_[fence.partition].heartbeat = now;
  }
  for (const SealedAct& act : batch.acts) {
    Owner& owner = owners_[act.owner];
    owner.acts.emplace(act.sequence, act);
    owner.trails[act.request].push_back(act.sequence);
    if (act.repeat) {
      const auto& [key, payload] = *act.repeat;
      keys_.emplace(std::pair(act.owner, key),
                    KeyRecord{act.owner, key, payload, act.request, act.sequence});
    }
  }
  for (const auto* rows : {&batch.new_requests, &batch.requests}) {
    for (const RequestRow& row : *rows)
      owners_[row.owner].requests.insert_or_assign(row.request, row);
  }
  for (const OfferRow& row : batch.new_offers) {
    owners_[row.owner].offers.emplace(std::pair(row.request, row.offer), row);
    by_provider_[row.provider].insert({row.request, row.offer, row.owner});
  }
  for (const OfferRow& row : batch.offers) {
    OfferRow& held = owners_[row.owner].offers[{row.request, row.offer}];
    held.state = row.state;
    held.allocation = row.allocation;
    held.accepted = row.accepted;
    held.deadline = row.deadline;
  }
  for (const BookRow& row : batch.books) owners_[row.owner].book = row;
}

}  // namespace capbroker
