// Sockets and descriptors, as far as the listener needs them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

struct sockaddr_storage;

namespace capbroker {

// A descriptor that is closed with its owner; -1: none.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { Close(); }
  Descriptor(Descriptor&& other) noexcept : fd_(other.Release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    Close();
    fd_ = other.Release();
    return *this;
  }
  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  void Close();

 private:
  int fd_;
};

struct ListeningSockets {
  std::vector<Descriptor> sockets;  // One for each address that the name has; they do not block.
  std::string address;              // As it was given, with the port that was bound.
};

// Binds "host:port", "unix:/path" or "unix-abstract:name", and listens. Without SO_REUSEPORT: a
// port is one process's. A wildcard host is bound for IPv6 and IPv4. The file of a socket that
// nobody listens on any more is replaced.
//
// The message of an error is the system's alone, "Address already in use":
// INVALID_ARGUMENT     there is no such address.
// FAILED_PRECONDITION  nothing can listen there.
absl::StatusOr<ListeningSockets> Listen(const std::string& address);

// "127.0.0.1:4242", "[::1]:4242"; of a unix socket its name. An IPv4 address in IPv6 is written as
// IPv4.
std::string FormatAddress(const sockaddr_storage& address, uint32_t size);
// Of the connection's other end, and of this one.
std::string PeerAddressOf(int fd);
std::string LocalAddressOf(int fd);
// Whose connections count as one: the host, of IPv6 its /64. Empty for unix sockets, whose peers
// have no address.
std::string HostKeyOf(int fd);

// Raises the soft limit of open descriptors to the hard one; returns what it is then.
uint64_t RaiseDescriptorLimit();

}  // namespace capbroker
