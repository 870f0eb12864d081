// Thread that runs the sequencer's storage calls in order, and pipelines batches: it sends one
// while others are in flight.
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
  // `done` gets every result, in the order of the calls, on the writer's thread. All arguments
  // outlive the writer.
  WriteLane(Ledger& ledger, Clock& clock, std::function<void(WriteResult)> done);
  ~WriteLane();  // Waits for the calls in flight; the others are dropped.

  // From any thread. While a batch is in flight, only another batch may be started.
  void Start(WriteCall call) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  // The next call; nullopt if there is none yet and a batch is in flight, or if the writer stops.
  std::optional<WriteCall> Next() ABSL_LOCKS_EXCLUDED(mutex_);

  Ledger& ledger_;
  Clock& clock_;
  const std::function<void(WriteResult)> done_;
  std::deque<int64_t>
      // Boot times at which the batches in flight were sent. Used only by the writer's thread.
      sent_;

  absl::Mutex mutex_;
  absl::CondVar changed_;
  std::deque<WriteCall> calls_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // Last: it starts after everything else is constructed.
};

}  // namespace capbroker
