#include "services/sequencing/key_cache.h"

#include "services/sequencing/invariant.h"

namespace capbroker {

const KeyCache::Known* KeyCache::Find(const OwnerId& owner, const IdempotencyKey& key) {
  const auto found = index_.find(Name(owner, key));
  if (found == index_.end()) return nullptr;
  if (found->second->is_durable) recorded_.splice(recorded_.begin(), recorded_, found->second);
  return &found->second->known;
}

void KeyCache::PutUndurable(const OwnerId& owner, const IdempotencyKey& key, Known known) {
  const auto [at, is_new] = index_.try_emplace(Name(owner, key));
  Require(is_new, "a key of ", owner.value, " is to be written twice");
  undurable_.push_front({at->first, std::move(known)});
  at->second = undurable_.begin();
}

void KeyCache::MarkDurable(const OwnerId& owner, const IdempotencyKey& key) {
  const auto found = index_.find(Name(owner, key));
  if (found == index_.end() || found->second->is_durable) return;
  Entry& entry = *found->second;
  recorded_.splice(recorded_.begin(), undurable_, found->second);
  entry.is_durable = true;
  if (entry.known.answer) {
    entry.answer_number = ++last_answer_;
    answers_.emplace_back(last_answer_, entry.name);
  }
  Evict();
}

void KeyCache::Put(const OwnerId& owner, const IdempotencyKey& key, Known known) {
  Forget(owner, key);
  PutUndurable(owner, key, std::move(known));
  MarkDurable(owner, key);
}

void KeyCache::Evict() {
  if (recorded_.size() > most_keys_) {
    index_.erase(recorded_.back().name);
    recorded_.pop_back();
  }
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
  (found->second->is_durable ? recorded_ : undurable_).erase(found->second);
  index_.erase(found);
}

void KeyCache::Clear() {
  recorded_.clear();
  undurable_.clear();
  index_.clear();
  answers_.clear();
}

}  // namespace capbroker
