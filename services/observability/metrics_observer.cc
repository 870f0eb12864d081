#include "services/observability/metrics_observer.h"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <utility>

#include "absl/time/time.h"
#include "broker/values/text.h"
#include "services/log/log.h"

namespace capbroker {
namespace {

// Logs one line for what one batch, or several, recorded.
void LogDecided(const std::vector<Change>& changes) {
  constexpr size_t kActsNamed = 8;
  if (changes.empty() || !spdlog::should_log(spdlog::level::debug)) return;
  size_t decisions = 0, named = 0;
  std::string acts;
  for (const Change& change : changes) {
    decisions += change.act->decisions.size();
    if (named++ < kActsNamed)
      acts += Cat(named == 1 ? "" : " ", change.owner.value, "/", change.act->sequence);
  }
  if (named > kActsNamed) acts += " ...";
  spdlog::debug(LogLine(
      "decided", {{"acts", Cat(changes.size())}, {"decisions", Cat(decisions)}, {"which", acts}}));
}

}  // namespace

MetricsObserver::MetricsObserver(DomainMetrics& metrics)
    : metrics_(metrics), thread_([this] { Run(); }) {}

MetricsObserver::~MetricsObserver() {
  News stop;
  stop.stop = true;
  while (!ring_.TryPush(std::move(stop))) CatchUp(Seconds(1));
  thread_.join();
}

void MetricsObserver::Push(News news) {
  const size_t changes = news.changes.size();
  waiting_.fetch_add(changes, std::memory_order_relaxed);
  if (waiting_.load(std::memory_order_relaxed) <= kMostWaiting && ring_.TryPush(std::move(news)))
    return;
  waiting_.fetch_sub(changes, std::memory_order_relaxed);
  dropped_.fetch_add(changes, std::memory_order_relaxed);
}

void MetricsObserver::Begin(Standing standing) {
  News news;
  news.standing = std::make_unique<const Standing>(std::move(standing));
  Push(std::move(news));
}

void MetricsObserver::Add(std::vector<Change> changes) {
  News news;
  news.changes = std::move(changes);
  Push(std::move(news));
}

void MetricsObserver::End() {
  News news;
  news.end = true;
  Push(std::move(news));
}

void MetricsObserver::CatchUp(Span timeout) {
  const uint32_t told = ring_.pushed();
  absl::MutexLock lock(&mutex_);
  const auto caught_up = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return static_cast<int32_t>(counted_ - told) >= 0;
  };
  mutex_.AwaitWithTimeout(absl::Condition(&caught_up), absl::Microseconds(timeout.micros));
}

void MetricsObserver::Run() {
  pthread_setname_np(pthread_self(), "observer");
  for (News news;; ring_.Wait()) {
    while (ring_.TryPop(news)) {
      if (news.stop) return;
      LogDecided(news.changes);
      for (const Change& change : news.changes) metrics_.Add(change);
      if (news.standing != nullptr) metrics_.Begin(*news.standing);
      if (news.end) metrics_.End();
      waiting_.fetch_sub(news.changes.size(), std::memory_order_relaxed);
      absl::MutexLock lock(&mutex_);
      counted_++;
    }
  }
}

}  // namespace capbroker
