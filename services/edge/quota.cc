#include "services/edge/quota.h"

namespace capbroker {

std::pair<Quota::Place, Quota::Refusal> Quota::Take(const std::string& key) {
  absl::MutexLock lock(&mutex_);
  if (taken_ >= most_) return {Place(), Refusal::kFull};
  if (!key.empty()) {
    size_t& of_key = by_key_[key];
    if (of_key >= most_of_key_) return {Place(), Refusal::kKeyFull};
    ++of_key;
  }
  ++taken_;
  return {Place(this, key), Refusal::kNone};
}

size_t Quota::taken() const {
  absl::MutexLock lock(&mutex_);
  return taken_;
}

void Quota::GiveBack(const std::string& key) {
  absl::MutexLock lock(&mutex_);
  --taken_;
  const auto found = by_key_.find(key);
  if (found != by_key_.end() && --found->second == 0) by_key_.erase(found);
}

}  // namespace capbroker
