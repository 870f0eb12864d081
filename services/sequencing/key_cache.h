// The idempotency keys that came lately (R27), so that a repeat is known without asking the ledger.
// It may forget: a key that it does not know is written as if it were new, and the ledger refuses
// it if it is not.
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

  KeyCache(size_t keys, size_t answers) : most_keys_(keys), most_answers_(answers) {}

  // Null if not known. A key that is found is young again. Valid until the next call.
  const Known* Find(const OwnerId& owner, const IdempotencyKey& key);
  void Put(const OwnerId& owner, const IdempotencyKey& key, Known known);
  // The batch that was to record it is not durable.
  void Forget(const OwnerId& owner, const IdempotencyKey& key);
  void Clear();
  size_t size() const { return index_.size(); }

 private:
  using Name = std::pair<OwnerId, IdempotencyKey>;
  struct Entry {
    Name name;
    Known known;
    uint64_t answer_number = 0;  // Of its place in `answers_`.
  };

  const size_t most_keys_;
  const size_t most_answers_;
  std::list<Entry> entries_;  // Youngest first.
  absl::flat_hash_map<Name, std::list<Entry>::iterator> index_;
  std::deque<std::pair<uint64_t, Name>> answers_;  // Oldest first; may name entries that are gone.
  uint64_t last_answer_ = 0;
};

}  // namespace capbroker
