#include "services/sequencing/key_cache.h"

namespace capbroker {

const KeyCache::Known* KeyCache::Find(const OwnerId& owner, const IdempotencyKey& key) {
  const auto found = index_.find(Name(owner, key));
  if (found == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return &found->second->known;
}

void KeyCache::Put(const OwnerId& owner, const IdempotencyKey& key, Known known) {
  Forget(owner, key);
  const Name name(owner, key);
  const bool has_answer = known.answer.has_value();
  entries_.push_front({name, std::move(known), has_answer ? ++last_answer_ : 0});
  index_[name] = entries_.begin();
  if (index_.size() > most_keys_) {
    index_.erase(entries_.back().name);
    entries_.pop_back();
  }
  if (!has_answer) return;
  answers_.emplace_back(last_answer_, name);
  if (answers_.size() > most_answers_) {
    const auto& [number, oldest] = answers_.front();
    const auto found = index_.find(oldest);
    if (found != index_.end() && found->second->answer_number == number)
      found->second->known.answer.reset();
    answers_.pop_front();
  }
}

void KeyCache::Forget(const OwnerId& owner, const IdempotencyKey& key) {
  const auto found = index_.find(Name(owner, key));
  if (found == index_.end()) return;
  entries_.erase(found->second);
  index_.erase(found);
}

void KeyCache::Clear() {
  entries_.clear();
  index_.clear();
  answers_.clear();
}

}  // namespace capbroker
