// Queue of what other threads pass to the sequencer: commands, which get their arrival time here,
// and results of ledger calls.
#pragma once

#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "services/sequencing/clock.h"
#include "services/sequencing/ledger_call.h"
#include "services/sequencing/pending_batch.h"

namespace capbroker {

class CommandQueue {
 public:
  struct Taken {
    std::vector<ItemPtr> items;  // In order of arrival.
    // Read under the same lock: what is queued later has not arrived before this time.
    Instant as_of;
    std::vector<WriteResult> writes;  // In the order of their calls.
    std::vector<ReadResult> reads;
    bool drain = false, stop = false;
  };

  // Closed at first. `clock` outlives the queue.
  CommandQueue(Clock& clock, absl::Status closed);

  // From any thread. Stamps and queues the items in their order. If it fails, the items that are
  // left in `items` were not queued: the queue is closed, or it is full (RESOURCE_EXHAUSTED, reason
  // OVERLOADED). New requests are refused when half of the bound is reached, so that requests in
  // progress can finish.
  absl::Status Push(std::vector<ItemPtr>& items) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Push(ItemPtr& item) ABSL_LOCKS_EXCLUDED(mutex_);  // The same for one item.
  void Post(WriteResult result) ABSL_LOCKS_EXCLUDED(mutex_);
  void Post(ReadResult result) ABSL_LOCKS_EXCLUDED(mutex_);
  void Drain(absl::Status why) ABSL_LOCKS_EXCLUDED(mutex_);  // Closes the queue for good.
  void Stop(absl::Status why) ABSL_LOCKS_EXCLUDED(mutex_);   // Closes the queue for good.

  // On the sequencer's thread. Takes everything that is queued, and waits up to `wait` if nothing
  // is. `elsewhere` is the number of items outside of the queue that count against `bound`.
  Taken Take(Span wait, size_t elsewhere, size_t bound) ABSL_LOCKS_EXCLUDED(mutex_);
  void Open() ABSL_LOCKS_EXCLUDED(mutex_);
  void Close(absl::Status why) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  absl::Status Add(ItemPtr& item) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasSomething() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Clock& clock_;
  absl::Mutex mutex_;
  absl::CondVar something_;
  Taken next_ ABSL_GUARDED_BY(mutex_);
  size_t elsewhere_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t bound_ ABSL_GUARDED_BY(mutex_) = 1;
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);
  bool closed_for_good_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace capbroker
