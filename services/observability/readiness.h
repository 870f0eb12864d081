// Whether callers should be sent here, and if not, why.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "services/sequencing/sequencer.h"
#include "storage/ledger.h"

namespace capbroker {

// A deadline may be so late, for whatever reason, before the broker calls itself unready.
inline constexpr Span kMostOverdue = Seconds(10);
// The sequencer's thread may be silent for so long before the process calls itself dead.
inline constexpr Span kLongestSilence = Seconds(60);

class Readiness {
 public:
  // `ledger` is for these checks alone, with one reader and short times: what keeps other readers
  // busy must not make the database look gone, nor the other way round. `now` is the broker's
  // clock, `boot` its boot-time clock.
  Readiness(Ledger& ledger, std::function<SequencerStatus()> sequencer,
            std::function<Instant()> now, std::function<int64_t()> boot);

  struct Report {
    bool ok = false;
    std::string text;  // A line for each check: "database: ok", "partitions: not held: ...".
  };
  // Reaches for the database, unless it was reached for within a second. Blocks one caller at a
  // time: whoever comes while another waits for the database is told that it has not answered.
  Report Ready() ABSL_LOCKS_EXCLUDED(mutex_);
  // The process goes down: not ready from here on, while it still answers what it took.
  void GoDown() { going_down_ = true; }
  // Whether a restart would help: the sequencer's thread goes round. Does not block.
  Report Live() const;

 private:
  absl::Status Database() ABSL_LOCKS_EXCLUDED(mutex_);

  Ledger& ledger_;
  const std::function<SequencerStatus()> sequencer_;
  const std::function<Instant()> now_;
  const std::function<int64_t()> boot_;

  std::atomic<bool> going_down_ = false;
  absl::Mutex mutex_;
  bool probing_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t probed_at_ ABSL_GUARDED_BY(mutex_) = 0;  // By boot_; 0: never.
  absl::Status last_ ABSL_GUARDED_BY(mutex_);
  int64_t schema_checked_at_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace capbroker
