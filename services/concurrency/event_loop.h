// Event loop: one thread runs what any thread posts. State that only its work touches needs no
// lock.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "broker/values/time.h"

namespace capbroker {

class EventLoop {
 public:
  using Work = absl::AnyInvocable<void()>;

  // From any thread. Work runs in the order in which it was posted; delayed work does not run
  // before its delay has passed, and never after Stop.
  void Post(Work work) ABSL_LOCKS_EXCLUDED(mutex_);
  void PostAfter(Span delay, Work work) ABSL_LOCKS_EXCLUDED(mutex_);

  // An asynchronous operation has been started, whose completion will be posted with Complete: Run
  // does not return before.
  void ExpectCompletion() ABSL_LOCKS_EXCLUDED(mutex_);
  void Complete(Work work) ABSL_LOCKS_EXCLUDED(mutex_);

  // Runs work until Stop was called, no completion is expected and no work is left.
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits for work, but no longer than `timeout`, and runs what is ready; for a thread that has
  // other things to do in turn.
  void RunOnce(Span timeout) ABSL_LOCKS_EXCLUDED(mutex_);
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);
  // Discards all work, and whatever is posted from now on: nobody runs the loop any more.
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);

  // Microseconds of a monotonic clock: only differences have a meaning.
  static int64_t NowMicros();

 private:
  enum class Next { kWork, kTimeout, kStopped };
  // Waits until work is ready or `until`, and moves what is ready to `work`.
  Next Await(int64_t until, std::vector<Work>& work) ABSL_LOCKS_EXCLUDED(mutex_);

  absl::Mutex mutex_;
  absl::CondVar changed_;
  std::vector<Work> ready_ ABSL_GUARDED_BY(mutex_);
  std::multimap<int64_t, Work> delayed_ ABSL_GUARDED_BY(mutex_);  // By NowMicros().
  int64_t expected_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace capbroker
