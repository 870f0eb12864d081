// What watchers are told: after every durable batch, the requests it changed. State first is the
// watcher's own read of the ledger; the feed gives the changes, and each carries its request's
// sequence, so that none is shown twice.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "broker/trail/book.h"

namespace capbroker {

// A request as one act left it; an act about agreements or the directory has none. Immutable and
// shared by the reply and every watcher.
struct Change {
  OwnerId owner;
  std::shared_ptr<const RequestBook> request;  // Null if the act is about none.
  std::shared_ptr<const Act> act;
  uint64_t origin = 0;  // Submission::origin of the command that did it; 0: of none, or one that
                        // was refused for it.
};

// One watcher's queue. Bounded: past the bound it is ended with RESOURCE_EXHAUSTED (reason
// SLOW_READER), and the watcher starts anew.
class Subscription {
 public:
  // Called, from any thread, when there is something to take where there was nothing; must not
  // block, and may call Take. It may run before Watch... has returned, and a last time while the
  // subscription is being dropped: let it own what it needs.
  using Wake = std::function<void()>;
  explicit Subscription(size_t bound, Wake wake);
  // Everything queued, oldest first (nothing, if nothing is); or the status the subscription ended
  // with, once the queue is empty.
  absl::StatusOr<std::vector<Change>> Take() ABSL_LOCKS_EXCLUDED(mutex_);
  // Whether Take would give nothing.
  bool IsEmpty() const ABSL_LOCKS_EXCLUDED(mutex_);
  // False if this ended the subscription.
  bool Push(const std::vector<Change>& changes) ABSL_LOCKS_EXCLUDED(mutex_);
  void End(absl::Status why) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const size_t bound_;
  const Wake wake_;
  mutable absl::Mutex mutex_;
  std::vector<Change> queue_ ABSL_GUARDED_BY(mutex_);
  absl::Status ended_ ABSL_GUARDED_BY(mutex_);
};

class Feed {
 public:
  // The changes of one owner's requests; of every request with an offer to one provider. The
  // subscription lives as long as the caller keeps it.
  std::shared_ptr<Subscription> WatchOwner(const OwnerId& owner, size_t bound,
                                           Subscription::Wake wake) ABSL_LOCKS_EXCLUDED(mutex_);
  std::shared_ptr<Subscription> WatchProvider(const ProviderId& provider, size_t bound,
                                              Subscription::Wake wake) ABSL_LOCKS_EXCLUDED(mutex_);
  // The changes of the registry of providers; they name no request.
  std::shared_ptr<Subscription> WatchDirectory(size_t bound, Subscription::Wake wake)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // By the sequencer, after the batch is durable.
  void Publish(const std::vector<Change>& changes) ABSL_LOCKS_EXCLUDED(mutex_);
  // Ends every subscription, and those made until Open: the process drains, or its partitions are
  // lost, and changes may happen that this feed does not see.
  void EndAll(absl::Status why) ABSL_LOCKS_EXCLUDED(mutex_);
  void Open() ABSL_LOCKS_EXCLUDED(mutex_);

  // For metrics: who watches now, and how many were ended because they were too slow.
  struct Counts {
    size_t owners = 0, providers = 0;
    uint64_t slow = 0;
  };
  Counts counts() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Watchers = std::vector<std::weak_ptr<Subscription>>;
  template <class Who>
  std::shared_ptr<Subscription> Watch(absl::flat_hash_map<Who, Watchers> Feed::*all, const Who& who,
                                      size_t bound, Subscription::Wake wake)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Sweep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::atomic<uint64_t> slow_ = 0;
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<OwnerId, Watchers> owners_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<ProviderId, Watchers> providers_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<OwnerId, Watchers> directory_
      ABSL_GUARDED_BY(mutex_);  // By kDirectory alone.
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);
  size_t added_ ABSL_GUARDED_BY(mutex_) = 0;  // Since the last sweep.
};

}  // namespace capbroker
