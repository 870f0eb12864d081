// Deadline on a blocking call over a socket: shuts the socket down when the time is over, so that
// the call returns with a lost connection.
//
// A server that hangs still acknowledges packets in its kernel, so neither keepalives nor
// tcp_user_timeout notice it, and its own timeouts do not run.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "broker/values/time.h"

namespace capbroker {

// Used by one thread. One thread of the process watches all deadlines.
class Deadline {
 public:
  // Takes a duplicate of the socket, whose number cannot be reused meanwhile. `within` 0: never.
  Deadline(int socket, Span within) : socket_(socket), within_(within) {}
  ~Deadline();
  Deadline(const Deadline&) = delete;

  // Begins the time, or begins it anew.
  void Start();
  void Stop();
  // The socket was shut down.
  bool HasPassed() const { return has_passed_; }
  std::string Words() const;  // "no answer within 12s".

 private:
  friend class DeadlineWatch;
  const int socket_;
  const Span within_;
  int64_t at_millis_ = 0;  // By the monotonic clock. 0: not running.
  std::atomic<bool> has_passed_ = false;
};

}  // namespace capbroker
