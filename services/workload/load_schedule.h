// Schedule of a load: the order in which requests and releases are sent, with bounded work in
// flight. It uses no clock and no network.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace capbroker {

// When a task is requested and released, in seconds of the trace.
struct TaskTimes {
  int64_t create = 0;
  int64_t release = 0;  // Not before `create`.
};

struct LoadEvent {
  enum class Kind {
    kRelease,
    kCreate
  };  // At equal times capacity is released before more is requested.
  int64_t time = 0;
  Kind kind = Kind::kCreate;
  size_t task = 0;
};

class LoadSchedule {
 public:
  enum class Rule {
    // Capacity is taken and released in the trace's order: a creation starts when every earlier
    // release is done, a release when every earlier creation is. Creations between two releases are
    // in flight together, and so are releases between two creations.
    kStrict,
    // An event starts at its time if there is room; a release also waits for its own creation.
    kPaced,
  };

  LoadSchedule(const std::vector<TaskTimes>& tasks, size_t concurrency, Rule rule);

  // The next event that may start at trace time `now` (inclusive), which then counts as in flight;
  // nullopt if there is none.
  std::optional<LoadEvent> Next(int64_t now);
  // The event is over: the request has ended, the release was acknowledged, or either has failed.
  void OnDone(const LoadEvent& event);

  // When the next event is due, if it waits for its time and not for another event.
  std::optional<int64_t> DueTime() const;
  bool IsFinished() const {
    return next_ == events_.size() && in_flight_ == 0 && ready_.empty() && waiting_ == 0;
  }

 private:
  std::vector<LoadEvent> events_;  // By time, then kind, then task.
  const size_t concurrency_;
  const Rule rule_;
  size_t next_ = 0;
  size_t in_flight_ = 0, creations_in_flight_ = 0;
  std::vector<bool> created_, release_due_;  // By task.
  std::deque<LoadEvent> ready_;              // kPaced: releases that waited for their creation.
  size_t waiting_ = 0;                       // kPaced: releases that still wait for it.
};

}  // namespace capbroker
