// Caps on how many of something there may be at once: in all, and of one key.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"

namespace capbroker {

// From any thread; outlives its places.
class Quota {
 public:
  Quota(size_t most, size_t most_of_key) : most_(most), most_of_key_(most_of_key) {}

  // One's place, given back with it.
  class Place {
   public:
    Place() = default;  // Counts for nothing.
    Place(Place&& other) noexcept
        : quota_(std::exchange(other.quota_, nullptr)), key_(std::move(other.key_)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(quota_, other.quota_);
      std::swap(key_, other.key_);
      return *this;
    }
    ~Place() {
      if (quota_ != nullptr) quota_->GiveBack(key_);
    }

   private:
    friend class Quota;
    Place(Quota* quota, std::string key) : quota_(quota), key_(std::move(key)) {}
    Quota* quota_ = nullptr;
    std::string key_{};
  };

  enum class Refusal { kNone, kFull, kKeyFull };
  // A key that is empty has no cap of its own.
  std::pair<Place, Refusal> Take(const std::string& key) ABSL_LOCKS_EXCLUDED(mutex_);
  size_t taken() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void GiveBack(const std::string& key) ABSL_LOCKS_EXCLUDED(mutex_);

  const size_t most_, most_of_key_;
  mutable absl::Mutex mutex_;
  size_t taken_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<std::string, size_t> by_key_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace capbroker
