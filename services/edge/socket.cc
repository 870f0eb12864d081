#include "services/edge/socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>

#include "broker/values/text.h"
#include "services/edge/address.h"

namespace capbroker {
namespace {

constexpr int kBacklog = 1024;  // The system bounds it further (net.core.somaxconn).

absl::Status Because(int error) {
  return absl::Status(
      error == EADDRINUSE ? absl::StatusCode::kAlreadyExists : absl::StatusCode::kUnavailable,
      std::strerror(error));
}

absl::Status CannotListen(const absl::Status& why) {
  return absl::FailedPreconditionError(why.message());
}

// IPv4 in IPv6 as IPv4.
sockaddr_storage Unmapped(const sockaddr_storage& address) {
  const auto& six = reinterpret_cast<const sockaddr_in6&>(address);
  if (address.ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&six.sin6_addr)) return address;
  sockaddr_storage out{};
  auto& four = reinterpret_cast<sockaddr_in&>(out);
  four.sin_family = AF_INET;
  four.sin_port = six.sin6_port;
  std::memcpy(&four.sin_addr, six.sin6_addr.s6_addr + 12, 4);
  return out;
}

sockaddr_storage AddressOf(int fd, int (*get)(int, sockaddr*, socklen_t*), socklen_t* size) {
  sockaddr_storage address{};
  *size = sizeof address;
  if (get(fd, reinterpret_cast<sockaddr*>(&address), size) != 0) *size = 0;
  return address;
}

// ALREADY_EXISTS if somebody listens there.
absl::StatusOr<Descriptor> ListenAt(const sockaddr* address, socklen_t size) {
  Descriptor socket(::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return Because(errno);
  const int yes = 1, no = 0;
  if (address->sa_family != AF_UNIX)
    setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (address->sa_family == AF_INET6)
    setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  if (bind(socket.get(), address, size) != 0 || listen(socket.get(), kBacklog) != 0)
    return Because(errno);
  return socket;
}

absl::StatusOr<ListeningSockets> ListenUnix(const std::string& name, std::string_view path,
                                            bool is_abstract) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() + 1 > sizeof address.sun_path) {
    return absl::InvalidArgumentError(
        Cat("got ", name, ", want a path of at most ", sizeof address.sun_path - 1, " bytes"));
  }
  std::copy(path.begin(), path.end(), address.sun_path + (is_abstract ? 1 : 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (!is_abstract) {
    const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(probe.get(), generic, size) == 0) return CannotListen(Because(EADDRINUSE));
    if (errno == ECONNREFUSED) unlink(address.sun_path);  // A socket, and nobody's.
  }
  absl::StatusOr<Descriptor> socket = ListenAt(generic, size);
  if (!socket.ok()) return CannotListen(socket.status());
  ListeningSockets out;
  out.sockets.push_back(*std::move(socket));
  out.address = name;
  return out;
}

uint16_t PortOf(int fd) {
  socklen_t size = 0;
  const sockaddr_storage address = AddressOf(fd, getsockname, &size);
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

void SetPort(sockaddr* address, uint16_t port) {
  if (address->sa_family == AF_INET6)
    reinterpret_cast<sockaddr_in6*>(address)->sin6_port = htons(port);
  if (address->sa_family == AF_INET)
    reinterpret_cast<sockaddr_in*>(address)->sin_port = htons(port);
}

}  // namespace

void Descriptor::Close() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

absl::StatusOr<ListeningSockets> Listen(const std::string& address) {
  if (address.starts_with("unix:"))
    return ListenUnix(address, std::string_view(address).substr(5), false);
  if (address.starts_with("unix-abstract:")) {
    return ListenUnix(address, std::string_view(address).substr(14), true);
  }
  const auto parts = HostAndPort(address);
  std::string host(parts.first);
  const std::string port(parts.second);
  if (host == "0.0.0.0" || host.empty()) host = "::";
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  const auto look_up = [&](const std::string& name, addrinfo** found) {
    return getaddrinfo(name.c_str(), port.c_str(), &hints, found);
  };
  addrinfo* found = nullptr;
  if (const int error = look_up(host, &found); error != 0) {
    return absl::InvalidArgumentError(gai_strerror(error));
  }
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, freeaddrinfo);
  ListeningSockets out;
  absl::Status failed;
  const auto listen_at_all = [&] {
    for (addrinfo* at = addresses.get(); at != nullptr; at = at->ai_next) {
      // Every address of the name gets the port that the first one got.
      if (!out.sockets.empty()) SetPort(at->ai_addr, PortOf(out.sockets.front().get()));
      absl::StatusOr<Descriptor> socket = ListenAt(at->ai_addr, at->ai_addrlen);
      if (socket.ok()) {
        out.sockets.push_back(*std::move(socket));
      } else if (!absl::IsAlreadyExists(failed)) {
        failed = socket.status();
      }
    }
  };
  listen_at_all();
  if (out.sockets.empty() && host == "::" &&
      look_up("0.0.0.0", &found) == 0) {  // A machine without IPv6.
    addresses.reset(found);
    listen_at_all();
  }
  // An address that this machine does not have is passed over; one that is taken is not.
  if (out.sockets.empty() || absl::IsAlreadyExists(failed)) return CannotListen(failed);
  out.address = Cat(address.substr(0, address.rfind(':') + 1), PortOf(out.sockets.front().get()));
  return out;
}

std::string FormatAddress(const sockaddr_storage& address, uint32_t size) {
  const sockaddr_storage plain = Unmapped(address);
  char text[INET6_ADDRSTRLEN] = {};
  if (plain.ss_family == AF_INET) {
    const auto& four = reinterpret_cast<const sockaddr_in&>(plain);
    return Cat(inet_ntop(AF_INET, &four.sin_addr, text, sizeof text), ":", ntohs(four.sin_port));
  }
  if (plain.ss_family == AF_INET6) {
    const auto& six = reinterpret_cast<const sockaddr_in6&>(plain);
    return Cat("[", inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof text),
               "]:", ntohs(six.sin6_port));
  }
  const auto& local = reinterpret_cast<const sockaddr_un&>(address);
  if (size <= offsetof(sockaddr_un, sun_path)) return "unix:";
  const size_t length = size - offsetof(sockaddr_un, sun_path);
  if (local.sun_path[0] == 0)
    return Cat("unix-abstract:", std::string_view(local.sun_path + 1, length - 1));
  return Cat("unix:", std::string_view(local.sun_path, strnlen(local.sun_path, length)));
}

std::string PeerAddressOf(int fd) {
  socklen_t size = 0;
  const sockaddr_storage address = AddressOf(fd, getpeername, &size);
  return FormatAddress(address, size);
}

std::string LocalAddressOf(int fd) {
  socklen_t size = 0;
  const sockaddr_storage address = AddressOf(fd, getsockname, &size);
  return FormatAddress(address, size);
}

std::string HostKeyOf(int fd) {
  socklen_t size = 0;
  const sockaddr_storage address = Unmapped(AddressOf(fd, getpeername, &size));
  if (address.ss_family == AF_INET) {
    return std::string(
        reinterpret_cast<const char*>(&reinterpret_cast<const sockaddr_in&>(address).sin_addr), 4);
  }
  if (address.ss_family == AF_INET6) {
    return std::string(
        reinterpret_cast<const char*>(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr),
        8);
  }
  return "";
}

uint64_t RaiseDescriptorLimit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  rlimit raised = limit;
  raised.rlim_cur = raised.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

}  // namespace capbroker
