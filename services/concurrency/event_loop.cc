#include "services/concurrency/event_loop.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "absl/time/time.h"

namespace capbroker {
namespace {

void RunAll(std::vector<EventLoop::Work>& work) {
  for (EventLoop::Work& one : work) {
    one();
    one = nullptr;  // Frees what it owned before later work runs.
  }
}

}  // namespace

int64_t EventLoop::NowMicros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void EventLoop::Post(Work work) {
  absl::MutexLock lock(&mutex_);
  if (closed_) return;
  ready_.push_back(std::move(work));
  changed_.Signal();
}

void EventLoop::PostAfter(Span delay, Work work) {
  absl::MutexLock lock(&mutex_);
  if (closed_) return;
  delayed_.emplace(NowMicros() + delay.micros, std::move(work));
  changed_.Signal();
}

void EventLoop::ExpectCompletion() {
  absl::MutexLock lock(&mutex_);
  ++expected_;
}

void EventLoop::Complete(Work work) {
  absl::MutexLock lock(&mutex_);
  --expected_;
  if (closed_) return;
  ready_.push_back(std::move(work));
  changed_.Signal();
}

EventLoop::Next EventLoop::Await(int64_t until, std::vector<Work>& work) {
  absl::MutexLock lock(&mutex_);
  for (;;) {
    const int64_t now = NowMicros();
    if (stopped_) delayed_.clear();
    const auto due = delayed_.upper_bound(now);
    for (auto it = delayed_.begin(); it != due; ++it) ready_.push_back(std::move(it->second));
    delayed_.erase(delayed_.begin(), due);
    if (!ready_.empty()) break;
    if (stopped_ && expected_ == 0) return Next::kStopped;
    if (now >= until) return Next::kTimeout;
    const int64_t wake = delayed_.empty() ? until : std::min(until, delayed_.begin()->first);
    if (wake == std::numeric_limits<int64_t>::max()) {
      changed_.Wait(&mutex_);
    } else {
      changed_.WaitWithTimeout(&mutex_, absl::Microseconds(wake - now));
    }
  }
  work.swap(ready_);
  return Next::kWork;
}

void EventLoop::Run() {
  for (std::vector<Work> work; Await(std::numeric_limits<int64_t>::max(), work) != Next::kStopped;
       work.clear()) {
    RunAll(work);
  }
}

void EventLoop::RunOnce(Span timeout) {
  std::vector<Work> work;
  (void)Await(NowMicros() + timeout.micros, work);
  RunAll(work);
}

void EventLoop::Stop() {
  absl::MutexLock lock(&mutex_);
  stopped_ = true;
  changed_.Signal();
}

void EventLoop::Close() {
  std::vector<Work> ready;  // Destroyed outside the lock: work may own what posts.
  std::multimap<int64_t, Work> delayed;
  absl::MutexLock lock(&mutex_);
  closed_ = true;
  ready.swap(ready_);
  delayed.swap(delayed_);
}

}  // namespace capbroker
