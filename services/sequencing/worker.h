// A thread that makes blocking calls for one that must not wait.
#pragma once

#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace capbroker {

class Worker {
 public:
  explicit Worker(const char* name);  // Of the thread, at most 15 letters.
  ~Worker();  // Waits for the job under way; one that has not begun is dropped.

  // The job before this one has ended, or is in its last step.
  void Start(std::function<void()> job) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run(const char* name) ABSL_LOCKS_EXCLUDED(mutex_);

  absl::Mutex mutex_;
  absl::CondVar changed_;
  std::function<void()> job_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // Last: it starts when all else is there.
};

}  // namespace capbroker
