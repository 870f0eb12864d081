// Graceful termination: SIGTERM and SIGINT call a function instead of ending the process.
#pragma once

#include <signal.h>

#include <atomic>
#include <functional>
#include <thread>

namespace capbroker {

// Construct it before any other thread: threads inherit the blocked signals, and only this object's
// thread receives them.
class StopSignal {
 public:
  // `on_signal` runs on a separate thread, once per signal.
  explicit StopSignal(std::function<void()> on_signal) {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
    thread_ = std::thread([this, on_signal = std::move(on_signal)] {
      for (int signal = 0; sigwait(&signals_, &signal) == 0 && !over_;) on_signal();
    });
  }
  ~StopSignal() {
    over_ = true;
    pthread_kill(thread_.native_handle(), SIGTERM);
    thread_.join();
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

 private:
  sigset_t signals_{}, before_{};
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

}  // namespace capbroker
