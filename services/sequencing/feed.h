// Change feed: publishes the requests that each durable batch changed to subscribers. A subscriber
// reads its snapshot from the ledger itself; each change has the sequence of its request, so that
// none is shown twice.
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

// A request as it was after one act; acts about agreements or the directory have none. Immutable,
// and shared by the reply and every subscriber.
struct Change {
  OwnerId owner;
  std::shared_ptr<const RequestBook> request;  // Null if the act is about no request.
  std::shared_ptr<const Act> act;
  // Submission::origin of the command that caused it; 0 if it has none, or if the command was
  // refused.
  uint64_t origin = 0;
};

// Bounded queue of one subscriber. When it overflows, the subscription ends with RESOURCE_EXHAUSTED
// (reason SLOW_READER), and the subscriber starts again.
class Subscription {
 public:
  // Called from any thread when the queue is no longer empty, or the subscription has ended. It
  // must not block, and may call Take. It may run before Watch... has returned, and once more while
  // the subscription is being destroyed, so it has to own what it uses.
  using Wake = std::function<void()>;
  explicit Subscription(size_t bound, Wake wake);
  // Everything that is queued, oldest first; may be empty. Once the queue is empty, the status that
  // the subscription ended with.
  absl::StatusOr<std::vector<Change>> Take() ABSL_LOCKS_EXCLUDED(mutex_);
  // Whether Take would return nothing.
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
  // Subscribe to the changes of one owner's requests, or of all requests with an offer to one
  // provider. A subscription ends when the caller drops it.
  std::shared_ptr<Subscription> WatchOwner(const OwnerId& owner, size_t bound,
                                           Subscription::Wake wake) ABSL_LOCKS_EXCLUDED(mutex_);
  std::shared_ptr<Subscription> WatchProvider(const ProviderId& provider, size_t bound,
                                              Subscription::Wake wake) ABSL_LOCKS_EXCLUDED(mutex_);
  // Subscribes to changes of the registry of providers; they name no request.
  std::shared_ptr<Subscription> WatchDirectory(size_t bound, Subscription::Wake wake)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Called by the sequencer after the batch is durable.
  void Publish(const std::vector<Change>& changes) ABSL_LOCKS_EXCLUDED(mutex_);
  // Ends every subscription, and new ones until Open: the process drains, or its partitions are
  // lost, and this feed would miss changes.
  void EndAll(absl::Status why) ABSL_LOCKS_EXCLUDED(mutex_);
  void Open() ABSL_LOCKS_EXCLUDED(mutex_);

  // For metrics: the present subscriptions, and how many were ended because their subscriber was
  // too slow.
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
      ABSL_GUARDED_BY(mutex_);  // Contains only kDirectory.
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);
  size_t added_ ABSL_GUARDED_BY(mutex_) = 0;  // Subscriptions since the last sweep.
};

}  // namespace capbroker
