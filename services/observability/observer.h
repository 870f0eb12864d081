// Between the sequencer, which must not be held up, and whoever counts what it made durable: a
// thread of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "services/observability/domain_metrics.h"
#include "services/observability/ring.h"
#include "services/sequencing/tap.h"

namespace capbroker {

class Observer final : public Tap {
 public:
  explicit Observer(DomainMetrics& metrics);  // Which outlives it, and is its alone while it lives.
  ~Observer() override;                       // The sequencer has stopped.

  // Two atomic operations, and no memory but for what Begin brings. Where more than kMostWaiting
  // changes wait, those that come are dropped, and counted.
  void Begin(Standing standing) override;
  void Add(std::vector<Change> changes) override;
  void End() override;

  // Everything told before this call is counted, or `timeout` has passed.
  void CatchUp(Span timeout) ABSL_LOCKS_EXCLUDED(mutex_);
  // Changes that were not counted.
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
  Ring<News, 4'096> ring_;
  std::atomic<size_t> waiting_ = 0;  // Changes in the ring.
  std::atomic<uint64_t> dropped_ = 0;
  absl::Mutex mutex_;
  uint32_t counted_ ABSL_GUARDED_BY(mutex_) = 0;  // Of what was ever pushed.
  std::thread thread_;                            // Last: it starts when all else is there.
};

}  // namespace capbroker
