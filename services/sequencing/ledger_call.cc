#include "services/sequencing/ledger_call.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "broker/trail/canonical.h"
#include "broker/trail/fold.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

struct Runner {
  Ledger& ledger;
  Clock& clock;

  WriteResult operator()(const TakeCall& call) const {
    return Taken{ledger.Take(call.holder, call.address, call.partitions, call.lease)};
  }
  WriteResult operator()(const RecoverCall& call) const {
    return Recovered{ledger.Recover(call.partition)};
  }
  WriteResult operator()(const HeartbeatCall& call) const {
    const int64_t sent = clock.Boot();
    const absl::StatusOr<Instant> time = ledger.Heartbeat(call.held);
    if (time.ok()) clock.Observe(*time, sent, clock.Boot());
    return Beaten{time.status()};
  }
  WriteResult operator()(const CommitCall& call) const {
    const int64_t sent = clock.Boot();
    CommitResult result = ledger.Commit(*call.batch);
    return Tell(clock, std::move(result), sent, sent, clock.Boot());
  }
  WriteResult operator()(const FindKeysCall& call) const {
    std::vector<KeyRecord> records;
    for (const auto& [owner, keys] : call.keys) {
      absl::StatusOr<std::vector<KeyRecord>> found = ledger.Keys(owner, keys);
      if (!found.ok()) return KeysFound{found.status()};
      std::move(found->begin(), found->end(), std::back_inserter(records));
    }
    return KeysFound{std::move(records)};
  }
  WriteResult operator()(const ReleaseCall& call) const {
    return Released{ledger.Release(call.held)};
  }
};

// The acts of a trail up to and including `last`.
absl::StatusOr<std::vector<Act>> Decode(const std::vector<SealedAct>& trail,
                                        uint64_t last = UINT64_MAX) {
  std::vector<Act> acts;
  for (const SealedAct& sealed : trail) {
    if (sealed.sequence > last) break;
    absl::StatusOr<Act> act = DecodeAct(sealed.text);
    if (!act.ok()) return act.status();
    acts.push_back(*std::move(act));
  }
  return acts;
}

absl::Status ReadRequests(Ledger& ledger, const ReadCall& call, ReadResult& result) {
  if (call.requests.empty()) return absl::OkStatus();
  const absl::StatusOr<std::vector<RequestTrail>> trails = ledger.ReadRequests(call.requests);
  if (!trails.ok()) return trails.status();
  for (const RequestTrail& trail : *trails) {
    const absl::StatusOr<std::vector<Act>> acts = Decode(trail.acts);
    if (!acts.ok()) {
      result.requests.emplace_back(acts.status());
    } else if (acts->empty()) {
      result.requests.emplace_back(nullptr);
    } else if (absl::StatusOr<RequestBook> folded = FoldRequest(*acts); folded.ok()) {
      result.requests.emplace_back(std::make_unique<RequestBook>(*std::move(folded)));
    } else {
      result.requests.emplace_back(folded.status());
    }
  }
  return absl::OkStatus();
}

// Reads the act of a record, and the request as it was after it.
absl::Status Rebuild(Ledger& ledger, ReadResult::Repeat& repeat) {
  const KeyRecord& record = *repeat.record;
  const absl::StatusOr<std::vector<SealedAct>> trail =
      record.request.IsSet()
          ? ledger.ReadRequest(record.owner, record.request)
          : ledger.ReadActs({.owner = record.owner, .from = record.sequence - 1, .limit = 1});
  if (!trail.ok()) return trail.status();
  const absl::StatusOr<std::vector<Act>> acts = Decode(*trail, record.sequence);
  if (!acts.ok()) return acts.status();
  if (acts->empty() || acts->back().sequence != record.sequence) {
    return absl::DataLossError(
        Cat("a key of ", record.owner.value, " names act ", record.sequence, ", which is missing"));
  }
  repeat.act = std::make_shared<Act>(acts->back());
  if (record.request.IsSet()) {
    absl::StatusOr<RequestBook> folded = FoldRequest(*acts);
    if (!folded.ok()) return folded.status();
    repeat.request = std::make_shared<RequestBook>(*std::move(folded));
  }
  return absl::OkStatus();
}

absl::Status ReadKeys(Ledger& ledger, const ReadCall& call, ReadResult& result) {
  absl::flat_hash_map<OwnerId, std::vector<IdempotencyKey>> by_owner;
  for (const auto& [owner, key] : call.keys) by_owner[owner].push_back(key);
  absl::flat_hash_map<std::pair<OwnerId, IdempotencyKey>, KeyRecord> found;
  for (const auto& [owner, keys] : by_owner) {
    absl::StatusOr<std::vector<KeyRecord>> records = ledger.Keys(owner, keys);
    if (!records.ok()) return records.status();
    for (KeyRecord& record : *records) found.try_emplace({owner, record.key}, record);
  }
  for (const auto& name : call.keys) {
    ReadResult::Repeat& repeat = result.keys.emplace_back();
    const auto record = found.find(name);
    if (record == found.end()) continue;
    repeat.record = record->second;
    repeat.status = Rebuild(ledger, repeat);
    if (absl::IsUnavailable(repeat.status)) return repeat.status;
  }
  return absl::OkStatus();
}

}  // namespace

Committed Tell(Clock& clock, CommitResult result, int64_t sent, int64_t begun, int64_t received) {
  if (result.outcome == CommitOutcome::kDurable)
    clock.Observe(result.database_time, sent, received);
  return {std::move(result), Span{received - begun}};
}

WriteResult Run(Ledger& ledger, Clock& clock, const WriteCall& call) {
  return std::visit(Runner{ledger, clock}, call);
}

ReadResult Run(Ledger& ledger, const ReadCall& call) {
  ReadResult result;
  result.status = ReadRequests(ledger, call, result);
  if (result.status.ok()) result.status = ReadKeys(ledger, call, result);
  if (!result.status.ok()) {
    result.requests.clear();
    result.keys.clear();
  }
  result.reader = call.reader;
  return result;
}

}  // namespace capbroker
