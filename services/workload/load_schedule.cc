#include "services/workload/load_schedule.h"

#include <algorithm>
#include <tuple>

namespace capbroker {

LoadSchedule::LoadSchedule(const std::vector<TaskTimes>& tasks, size_t concurrency, Rule rule)
    : concurrency_(std::max<size_t>(concurrency, 1)),
      rule_(rule),
      created_(tasks.size()),
      release_due_(tasks.size()) {
  events_.reserve(tasks.size() * 2);
  for (size_t i = 0; i < tasks.size(); ++i) {
    events_.push_back({tasks[i].create, LoadEvent::Kind::kCreate, i});
    events_.push_back({tasks[i].release, LoadEvent::Kind::kRelease, i});
  }
  std::sort(events_.begin(), events_.end(), [](const LoadEvent& a, const LoadEvent& b) {
    return std::tie(a.time, a.kind, a.task) < std::tie(b.time, b.kind, b.task);
  });
}

std::optional<LoadEvent> LoadSchedule::Next(int64_t now) {
  if (in_flight_ >= concurrency_) return std::nullopt;
  if (!ready_.empty()) {
    const LoadEvent event = ready_.front();
    ready_.pop_front();
    ++in_flight_;
    return event;
  }
  for (; next_ < events_.size() && events_[next_].time <= now; ++next_) {
    const LoadEvent& event = events_[next_];
    const bool creates = event.kind == LoadEvent::Kind::kCreate;
    if (rule_ == Rule::kStrict) {
      const size_t others = creates ? in_flight_ - creations_in_flight_ : creations_in_flight_;
      if (others > 0) return std::nullopt;
    } else if (!creates && !created_[event.task]) {
      release_due_[event.task] = true;
      ++waiting_;
      continue;
    }
    ++next_;
    ++in_flight_;
    if (creates) ++creations_in_flight_;
    return event;
  }
  return std::nullopt;
}

void LoadSchedule::OnDone(const LoadEvent& event) {
  --in_flight_;
  if (event.kind == LoadEvent::Kind::kRelease) return;
  --creations_in_flight_;
  created_[event.task] = true;
  if (!release_due_[event.task]) return;
  --waiting_;
  ready_.push_back({event.time, LoadEvent::Kind::kRelease, event.task});
}

std::optional<int64_t> LoadSchedule::DueTime() const {
  if (in_flight_ >= concurrency_ || !ready_.empty() || next_ == events_.size()) return std::nullopt;
  return events_[next_].time;
}

}  // namespace capbroker
