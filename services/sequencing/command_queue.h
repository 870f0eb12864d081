// Where threads hand things to the sequencer: commands, which get their arrival time here, and the
// ledger's answers.
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
    // Taken with them, under the same lock: what comes later has not arrived before this.
    Instant as_of;
    std::vector<WriteResult> writes;  // In the order of their calls.
    std::vector<ReadResult> reads;
    bool drain = false, stop = false;
  };

  // Closed at first. `clock` outlives the queue.
  CommandQueue(Clock& clock, absl::Status closed);

  // From any thread. Stamps and queues the items in their order; if not OK, those that are left in
  // `items` were not: what Close said, or RESOURCE_EXHAUSTED (reason OVERLOADED), when as many wait
  // as the bound allows. New requests are turned away at half of it: what is under way is to be
  // ended first.
  absl::Status Push(std::vector<ItemPtr>& items) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Push(ItemPtr& item) ABSL_LOCKS_EXCLUDED(mutex_);  // The same of one.
  void Post(WriteResult result) ABSL_LOCKS_EXCLUDED(mutex_);
  void Post(ReadResult result) ABSL_LOCKS_EXCLUDED(mutex_);
  void Drain(absl::Status why) ABSL_LOCKS_EXCLUDED(mutex_);  // Closes for good.
  void Stop(absl::Status why) ABSL_LOCKS_EXCLUDED(mutex_);   // Likewise.

  // By the sequencer's thread. Takes everything there is, waiting up to `wait` while there is
  // nothing. `elsewhere`: how many items it has that still count against `bound`.
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
