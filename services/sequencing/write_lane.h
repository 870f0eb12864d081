// The thread that writes for the sequencer: calls in their order, and batches handed in while
// others are under way.
#pragma once

#include <deque>
#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "services/sequencing/ledger_call.h"

namespace capbroker {

class WriteLane {
 public:
  // `done` is given every result, in the order of the calls, on the lane's thread. All outlive the
  // lane.
  WriteLane(Ledger& ledger, Clock& clock, std::function<void(WriteResult)> done);
  ~WriteLane();  // Waits for what is under way; what has not begun is dropped.

  // From any thread. While a batch is under way, only another batch may be started.
  void Start(WriteCall call) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  // The next call; nullopt: there is none yet, and something is under way, or the lane ends.
  std::optional<WriteCall> Next() ABSL_LOCKS_EXCLUDED(mutex_);

  Ledger& ledger_;
  Clock& clock_;
  const std::function<void(WriteResult)> done_;
  std::deque<int64_t>
      sent_;  // When, in boot time, each batch under way was. Of the lane's thread alone.

  absl::Mutex mutex_;
  absl::CondVar changed_;
  std::deque<WriteCall> calls_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // Last: it starts when all else is there.
};

}  // namespace capbroker
