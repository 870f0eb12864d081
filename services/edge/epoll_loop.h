// A thread that waits for events of descriptors, for tasks of other threads, and for time to pass.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "services/edge/socket.h"

namespace capbroker {

class EpollLoop {
 public:
  using Task = absl::AnyInvocable<void()>;

  // `name` as `top` shows it, 15 bytes at most.
  explicit EpollLoop(const char* name);
  ~EpollLoop();  // Stop().

  // Before Start. `on_event` gets the tag that a descriptor is watched under; `on_tick`, ten times
  // a second as long as it says so itself or an event or task has come, the boot time.
  void Start(std::function<void(uint64_t tag, uint32_t events)> on_event,
             std::function<bool(int64_t now_micros)> on_tick);
  // The task under way ends; others are dropped. The thread has ended when it returns.
  void Stop();

  // On the loop's thread, or before Start. Which events of epoll_ctl a descriptor is watched for,
  // until it is closed or given away.
  void Watch(int fd, uint32_t events, uint64_t tag);
  void ChangeWatch(int fd, uint32_t events, uint64_t tag);
  void Unwatch(int fd);
  // From any thread: run on the loop's.
  void Post(Task task) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run();
  void RunTasks() ABSL_LOCKS_EXCLUDED(mutex_);

  const char* const name_;
  Descriptor epoll_, wakes_;
  std::function<void(uint64_t, uint32_t)> on_event_;
  std::function<bool(int64_t)> on_tick_;
  std::atomic<bool> stopping_ = false;

  absl::Mutex mutex_;
  std::vector<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

// Microseconds since boot.
int64_t EdgeMicros();

}  // namespace capbroker
