#include "services/workload/desk_loop.h"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "absl/time/time.h"

namespace capbroker {

int64_t Loop::Micros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void Loop::Post(Work work) {
  absl::MutexLock lock(&mutex_);
  ready_.push_back(std::move(work));
  changed_.Signal();
}

void Loop::PostAfter(Span delay, Work work) {
  absl::MutexLock lock(&mutex_);
  timed_.emplace(Micros() + delay.micros, std::move(work));
  changed_.Signal();
}

void Loop::Expect() {
  absl::MutexLock lock(&mutex_);
  ++expected_;
}

void Loop::Complete(Work work) {
  absl::MutexLock lock(&mutex_);
  --expected_;
  ready_.push_back(std::move(work));
  changed_.Signal();
}

void Loop::Run() {
  for (;;) {
    std::vector<Work> work;
    {
      absl::MutexLock lock(&mutex_);
      for (;;) {
        const int64_t now = Micros();
        if (stopped_) timed_.clear();
        const auto due = timed_.upper_bound(now);
        for (auto it = timed_.begin(); it != due; ++it) ready_.push_back(std::move(it->second));
        timed_.erase(timed_.begin(), due);
        if (!ready_.empty()) break;
        if (stopped_ && expected_ == 0) return;
        if (timed_.empty()) {
          changed_.Wait(&mutex_);
        } else {
          changed_.WaitWithTimeout(&mutex_, absl::Microseconds(timed_.begin()->first - now));
        }
      }
      work.swap(ready_);
    }
    for (Work& one : work) {
      one();
      one = nullptr;  // What it owned is freed here, and not while later work runs.
    }
  }
}

void Loop::Stop() {
  absl::MutexLock lock(&mutex_);
  stopped_ = true;
  changed_.Signal();
}

bool IsWorthRepeating(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return true;
    default:
      return false;
  }
}

Span Backoff(int failures) {
  return {std::min<int64_t>(50'000LL << std::min(failures, 10), 2'000'000)};
}

}  // namespace capbroker
