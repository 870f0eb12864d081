// The idempotency keys that came lately (R27), so that a repeat is known without asking the ledger.
// Those of acts that are not durable yet are all known, with their answers: nobody else has them.
// Of those that the ledger has recorded some are evicted: a key that is not known is written as if
// it were new, and the ledger refuses it if it is not.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "broker/values/ids.h"
#include "services/sequencing/sequencer.h"
#include "storage/ledger.h"

namespace capbroker {

class KeyCache {
 public:
  struct Known {
    Hash payload{};
    // What the command came to; nullopt if that has to be read from the ledger first. Answers take
    // far more room than keys, so fewer are kept.
    std::optional<absl::StatusOr<Outcome>> answer;
  };

  // Bounds of what is kept of recorded keys.
  KeyCache(size_t keys, size_t answers) : most_keys_(keys), most_answers_(answers) {}

  // Null if not known. A recorded key that is found is young again. Valid until the next call.
  const Known* Find(const OwnerId& owner, const IdempotencyKey& key);
  // The key of an act that is not durable: kept until one of the two below says what became of the
  // act.
  void PutUndurable(const OwnerId& owner, const IdempotencyKey& key, Known known);
  void MarkDurable(const OwnerId& owner, const IdempotencyKey& key);
  void Forget(const OwnerId& owner, const IdempotencyKey& key);
  // A key that the ledger has.
  void Put(const OwnerId& owner, const IdempotencyKey& key, Known known);
  void Clear();
  size_t size() const { return index_.size(); }

 private:
  using Name = std::pair<OwnerId, IdempotencyKey>;
  struct Entry {
    Name name;
    Known known;
    bool is_durable = false;     // In `recorded_`, not in `undurable_`.
    uint64_t answer_number = 0;  // Of its place in `answers_`.
  };
  void Evict();

  const size_t most_keys_;
  const size_t most_answers_;
  std::list<Entry> recorded_;  // Youngest first.
  std::list<Entry> undurable_;
  absl::flat_hash_map<Name, std::list<Entry>::iterator> index_;  // Of both.
  std::deque<std::pair<uint64_t, Name>> answers_;  // Oldest first; may name entries that are gone.
  uint64_t last_answer_ = 0;
};

}  // namespace capbroker
