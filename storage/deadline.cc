#include "storage/deadline.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <set>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "broker/values/text.h"

namespace capbroker {

class DeadlineWatch {
 public:
  static DeadlineWatch& Get() {  // Never destroyed: sessions may outlive static objects.
    static DeadlineWatch& watch = *new DeadlineWatch;
    return watch;
  }
  static int64_t NowMillis() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  void Add(Deadline* deadline) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    running_.emplace(deadline->at_millis_, deadline);
    if (deadline->at_millis_ >= wakes_at_) return;
    // Seldom: the thread sleeps on to a deadline that was removed, and sees the later ones then.
    wakes_at_ = deadline->at_millis_;
    const uint64_t one = 1;
    (void)!write(wake_, &one, sizeof one);
  }
  void Remove(Deadline* deadline) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    running_.erase({deadline->at_millis_, deadline});
  }

 private:
  DeadlineWatch() : wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    // The process's signals are for its other threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread([this] { Run(); }).detach();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  void Run() ABSL_LOCKS_EXCLUDED(mutex_) {
    for (int64_t wait = -1;;) {
      pollfd on{wake_, POLLIN, 0};
      poll(&on, 1, static_cast<int>(wait));
      uint64_t woken = 0;
      (void)!read(wake_, &woken, sizeof woken);
      wait = Pass();
    }
  }
  // Shuts down what is due. Returns milliseconds until the next, -1 if there is none.
  int64_t Pass() ABSL_LOCKS_EXCLUDED(mutex_) {
    const int64_t now = NowMillis();
    absl::MutexLock lock(&mutex_);
    while (!running_.empty() && running_.begin()->first <= now) {
      Deadline& deadline = *running_.begin()->second;
      deadline.has_passed_ = true;
      shutdown(deadline.socket_, SHUT_RDWR);
      running_.erase(running_.begin());
    }
    wakes_at_ = running_.empty() ? kNever : running_.begin()->first;
    return running_.empty() ? -1 : std::min<int64_t>(wakes_at_ - now, 1 << 30);
  }

  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  const int wake_;
  absl::Mutex mutex_;
  std::set<std::pair<int64_t, Deadline*>> running_ ABSL_GUARDED_BY(mutex_);
  int64_t wakes_at_ ABSL_GUARDED_BY(mutex_) = kNever;
};

Deadline::~Deadline() {
  Stop();
  close(socket_);
}

void Deadline::Start() {
  Stop();
  if (within_.micros == 0) return;
  at_millis_ = DeadlineWatch::NowMillis() + within_.micros / 1000;
  DeadlineWatch::Get().Add(this);
}

void Deadline::Stop() {
  if (at_millis_ != 0) DeadlineWatch::Get().Remove(this);
  at_millis_ = 0;
}

std::string Deadline::Words() const { return Cat("no answer within ", Format(within_)); }

}  // namespace capbroker
