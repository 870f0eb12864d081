#include "services/sequencing/feed.h"

#include <algorithm>
#include <utility>

#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {

Subscription::Subscription(size_t bound, Wake wake) : bound_(bound), wake_(std::move(wake)) {}

absl::StatusOr<std::vector<Change>> Subscription::Take() {
  absl::MutexLock lock(&mutex_);
  if (queue_.empty() && !ended_.ok()) return ended_;
  return std::exchange(queue_, {});
}

bool Subscription::IsEmpty() const {
  absl::MutexLock lock(&mutex_);
  return queue_.empty() && ended_.ok();
}

bool Subscription::Push(const std::vector<Change>& changes) {
  bool fits = true;
  {
    absl::MutexLock lock(&mutex_);
    if (changes.empty() || !ended_.ok()) return true;
    const bool had_some = !queue_.empty();
    fits = queue_.size() + changes.size() <= bound_;
    if (fits) {
      queue_.insert(queue_.end(), changes.begin(), changes.end());
    } else {
      // The queued changes stay valid, but the ones after them are lost: the subscriber starts
      // again from a snapshot.
      ended_ = Refuse(absl::StatusCode::kResourceExhausted, "SLOW_READER",
                      Cat("more than ", bound_, " changes wait to be read; watch again"));
    }
    if (had_some) return fits;  // Wake was called, and the subscriber has not taken anything yet.
  }
  wake_();
  return fits;
}

void Subscription::End(absl::Status why) {
  {
    absl::MutexLock lock(&mutex_);
    if (!ended_.ok()) return;
    ended_ = std::move(why);
    if (!queue_.empty()) return;
  }
  wake_();
}

std::shared_ptr<Subscription> Feed::WatchOwner(const OwnerId& owner, size_t bound,
                                               Subscription::Wake wake) {
  return Watch(&Feed::owners_, owner, bound, std::move(wake));
}

std::shared_ptr<Subscription> Feed::WatchProvider(const ProviderId& provider, size_t bound,
                                                  Subscription::Wake wake) {
  return Watch(&Feed::providers_, provider, bound, std::move(wake));
}

std::shared_ptr<Subscription> Feed::WatchDirectory(size_t bound, Subscription::Wake wake) {
  return Watch(&Feed::directory_, kDirectory, bound, std::move(wake));
}

template <class Who>
std::shared_ptr<Subscription> Feed::Watch(absl::flat_hash_map<Who, Watchers> Feed::*all,
                                          const Who& who, size_t bound, Subscription::Wake wake) {
  auto added = std::make_shared<Subscription>(bound, std::move(wake));
  absl::Status closed;
  {
    absl::MutexLock lock(&mutex_);
    closed = closed_;
    if (closed.ok()) {
      (this->*all)[who].push_back(added);
      if (++added_ > 64 + owners_.size() + providers_.size()) Sweep();
    }
  }
  if (!closed.ok()) added->End(closed);  // Outside of the lock, since Wake may take it.
  return added;
}

void Feed::Sweep() {
  const auto sweep = [](auto& all) {
    for (auto it = all.begin(); it != all.end();) {
      std::erase_if(it->second, [](const auto& watcher) { return watcher.expired(); });
      if (it->second.empty()) {
        all.erase(it++);
      } else {
        ++it;
      }
    }
  };
  sweep(owners_);
  sweep(providers_);
  sweep(directory_);
  added_ = 0;
}

void Feed::Publish(const std::vector<Change>& changes) {
  // In the order of first mention, so that runs are reproducible.
  std::vector<std::pair<std::shared_ptr<Subscription>, std::vector<Change>>> told;
  {
    absl::MutexLock lock(&mutex_);
    if (owners_.empty() && providers_.empty() && directory_.empty()) return;
    absl::flat_hash_map<Subscription*, size_t> index;
    const auto tell = [&](auto& all, const auto& who, const Change& change) {
      const auto found = all.find(who);
      if (found == all.end()) return;
      for (const auto& watcher : found->second) {
        std::shared_ptr<Subscription> alive = watcher.lock();
        if (alive == nullptr) continue;
        const auto [at, is_new] = index.try_emplace(alive.get(), told.size());
        if (is_new) told.emplace_back(std::move(alive), std::vector<Change>());
        told[at->second].second.push_back(change);
      }
    };
    std::vector<ProviderId> asked;
    for (const Change& change : changes) {
      if (change.owner == kDirectory) tell(directory_, change.owner, change);
      if (change.request == nullptr) continue;
      tell(owners_, change.owner, change);
      if (providers_.empty()) continue;
      asked.clear();
      for (const Offer& offer : change.request->offers) asked.push_back(offer.provider);
      std::sort(asked.begin(), asked.end());
      asked.erase(std::unique(asked.begin(), asked.end()), asked.end());
      for (const ProviderId& provider : asked) tell(providers_, provider, change);
    }
  }
  for (const auto& [watcher, news] : told) {
    if (!watcher->Push(news)) slow_.fetch_add(1, std::memory_order_relaxed);
  }
}

void Feed::EndAll(absl::Status why) {
  std::vector<std::shared_ptr<Subscription>> ended;
  {
    absl::MutexLock lock(&mutex_);
    closed_ = why;
    const auto collect = [&](auto& all) {
      for (const auto& [who, watchers] : all) {
        for (const auto& watcher : watchers) {
          if (auto alive = watcher.lock()) ended.push_back(std::move(alive));
        }
      }
      all.clear();
    };
    collect(owners_);
    collect(providers_);
    collect(directory_);
  }
  for (const auto& watcher : ended) watcher->End(why);
}

Feed::Counts Feed::counts() const {
  const auto count = [](const auto& all) {
    size_t alive = 0;
    for (const auto& [who, watchers] : all) {
      alive += std::count_if(watchers.begin(), watchers.end(),
                             [](const auto& w) { return !w.expired(); });
    }
    return alive;
  };
  absl::MutexLock lock(&mutex_);
  return {count(owners_), count(providers_), slow_.load(std::memory_order_relaxed)};
}

void Feed::Open() {
  absl::MutexLock lock(&mutex_);
  closed_ = absl::OkStatus();
}

}  // namespace capbroker
