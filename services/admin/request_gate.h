// Reads requests of HTTP/1 whole, within bounds, before a thread is spent on them: a client that
// sends slowly, without end or nothing at all delays nobody.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/edge/epoll_loop.h"
#include "services/edge/socket.h"

namespace capbroker {

inline constexpr size_t kMostHeadBytes = 16 * 1024;  // The request line and all headers.
inline constexpr size_t kMostLineBytes = 8 * 1024;   // Each of them.
inline constexpr size_t kMostHeaders = 64;
inline constexpr size_t kMostBodyBytes = 256 * 1024;
// Past it, the connection that has been sending its request for the longest is closed.
inline constexpr size_t kMostUnread = 64;
inline constexpr int64_t kRequestMicros = 5'000'000;  // For the whole request.

// Of what a client has sent so far: how many bytes the request has, once it is whole; or the status
// it is refused with, such as 413. Neither: it is not whole yet.
struct RequestBounds {
  size_t size = 0;
  int refusal = 0;
};
RequestBounds BoundsOf(std::string_view bytes);

class RequestGate {
 public:
  // Called on a thread of the gate for each whole request; must not block.
  using Answer = std::function<void(Descriptor connection, std::string request)>;

  // Listen's errors.
  static absl::StatusOr<std::unique_ptr<RequestGate>> Open(const std::string& address,
                                                           Answer answer);
  ~RequestGate();

  // Where it listens.
  const std::string& address() const { return sockets_.address; }

 private:
  struct Unread {
    Descriptor connection;
    std::string bytes{};
    int64_t deadline_micros;
  };

  RequestGate(ListeningSockets sockets, Answer answer);
  void Accept(int listening);
  void Read(uint64_t tag);
  void Pause(bool is_paused);
  bool OnTick(int64_t now_micros);

  ListeningSockets sockets_;
  const Answer answer_;
  bool is_paused_ = false;             // No descriptor is left for a connection.
  std::map<uint64_t, Unread> unread_;  // By tag: the oldest first.
  uint64_t last_tag_;                  // Those below are the listening sockets'.
  EpollLoop loop_{"admin-read"};
};

}  // namespace capbroker
