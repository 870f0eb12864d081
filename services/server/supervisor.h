// What the process tells the supervisor that started it, by systemd's protocol; nothing where there
// is none.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace capbroker {

// Speaks to the socket that $NOTIFY_SOCKET names. Used by one thread.
class Supervisor {
 public:
  // Reads from the environment whether, and how often, the supervisor wants to hear that the
  // process lives.
  Supervisor();

  // READY=1: it serves. Once.
  void Ready();
  // STOPPING=1: it answers what is under way, and ends.
  void Stopping();
  // STATUS=: what people read in `systemctl status`, one line.
  void Say(const std::string& status);
  // WATCHDOG=1, at half of the time that is allowed, as long as `lives` says so: a process that is
  // silent too long is killed and started anew. `now` is by a clock that does not stop, in
  // microseconds.
  void Watch(int64_t now, const std::function<bool()>& lives);

 private:
  uint64_t watchdog_micros_ = 0;  // The time allowed; 0: nobody waits.
  int64_t next_ = 0;
};

}  // namespace capbroker
