// Readiness and liveness checks, with the reason for each failure.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "services/edge/edge.h"
#include "services/sequencing/sequencer.h"
#include "storage/ledger.h"

namespace capbroker {

// How overdue the earliest deadline may be before the broker reports unready.
inline constexpr Span kMostOverdue = Seconds(10);
// How long the sequencer's thread may be silent before the process reports dead.
inline constexpr Span kLongestSilence = Seconds(60);

class Readiness {
 public:
  // `ledger` is for these checks alone, with one reader and short timeouts: busy readers must not
  // make the database look unreachable, nor the other way round. `now` is the broker's clock,
  // `boot` its boot-time clock. `reachability` says whether the API can be reached.
  Readiness(Ledger& ledger, std::function<SequencerStatus()> sequencer,
            std::function<Instant()> now, std::function<int64_t()> boot,
            std::function<Edge::Reachability()> reachability);

  struct Report {
    bool ok = false;
    std::string text;  // One line per check: "database: ok", "partitions: not held: ...".
  };
  // Queries the database at most once per second. Blocks one caller at a time: while one waits for
  // the database, the others are told that it has not answered.
  Report Ready() ABSL_LOCKS_EXCLUDED(mutex_);
  // The process is shutting down: unready from now on, though it still answers calls in flight.
  void GoDown() { going_down_ = true; }
  // Whether a restart would help: the sequencer's thread makes progress, and the API can be
  // reached. Does not block.
  Report Live() const;

 private:
  absl::Status Database() ABSL_LOCKS_EXCLUDED(mutex_);

  Ledger& ledger_;
  const std::function<SequencerStatus()> sequencer_;
  const std::function<Instant()> now_;
  const std::function<int64_t()> boot_;
  const std::function<Edge::Reachability()> reachability_;

  std::atomic<bool> going_down_ = false;
  absl::Mutex mutex_;
  bool probing_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t probed_at_ ABSL_GUARDED_BY(mutex_) = 0;  // By boot_; 0: never.
  absl::Status last_ ABSL_GUARDED_BY(mutex_);
  int64_t schema_checked_at_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace capbroker
