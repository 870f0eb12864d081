// Notifications to the supervisor that started the process, by systemd's sd_notify protocol.
// Without a supervisor nothing is sent.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace capbroker {

// Sends to the socket that $NOTIFY_SOCKET names. Not thread-safe.
class Supervisor {
 public:
  // Reads from the environment whether a watchdog is set, and its timeout.
  Supervisor();

  // READY=1: the process serves. Once.
  void Ready();
  // STOPPING=1: the process finishes calls in flight and then ends.
  void Stopping();
  // STATUS=: one line for `systemctl status`.
  void Say(const std::string& status);
  // WATCHDOG=1, at half of the watchdog's timeout, while `lives` returns true; the supervisor kills
  // and restarts a process that stays silent. `now` is monotonic, in microseconds.
  void Watch(int64_t now, const std::function<bool()>& lives);

 private:
  uint64_t watchdog_micros_ = 0;  // The watchdog's timeout; 0: no watchdog.
  int64_t next_ = 0;
};

}  // namespace capbroker
