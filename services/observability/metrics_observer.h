// Hands committed changes from the sequencer, which must not wait, to the domain metrics on a
// separate thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "services/concurrency/spsc_ring.h"
#include "services/observability/domain_metrics.h"
#include "services/sequencing/tap.h"

namespace capbroker {

class MetricsObserver final : public Tap {
 public:
  // `metrics` outlives the observer, which alone uses it.
  explicit MetricsObserver(DomainMetrics& metrics);
  ~MetricsObserver() override;  // The sequencer has stopped.

  // Two atomic operations; only Begin allocates. If more than kMostWaiting changes wait, new ones
  // are dropped and counted.
  void Begin(Standing standing) override;
  void Add(std::vector<Change> changes) override;
  void End() override;

  // Waits until everything passed before this call is counted, but no longer than `timeout`.
  void CatchUp(Span timeout) ABSL_LOCKS_EXCLUDED(mutex_);
  // Changes that were dropped.
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

  static constexpr size_t kMostWaiting = 200'000;

 private:
  struct News {
    std::vector<Change> changes{};
    std::unique_ptr<const Standing> standing{};
    bool end = false, stop = false;
  };
  void Push(News news);
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);

  DomainMetrics& metrics_;
  SpscRing<News, 4'096> ring_;
  std::atomic<size_t> waiting_ = 0;  // Changes in the ring.
  std::atomic<uint64_t> dropped_ = 0;
  absl::Mutex mutex_;
  uint32_t counted_ ABSL_GUARDED_BY(mutex_) = 0;  // Of everything ever pushed.
  std::thread thread_;  // Last: it starts after everything else is constructed.
};

}  // namespace capbroker
