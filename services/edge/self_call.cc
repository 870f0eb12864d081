#include "services/edge/self_call.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "broker/values/text.h"
#include "services/edge/address.h"
#include "services/edge/socket.h"
#include "services/edge/transport.h"

namespace capbroker {
namespace {

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

// Where the listener is, and where the call is to come from: the same host, any port.
absl::StatusOr<Address> Resolve(const std::string& address) {
  Address out;
  if (address.starts_with("unix")) {
    auto& local = reinterpret_cast<sockaddr_un&>(out.bytes);
    local.sun_family = AF_UNIX;
    const std::string_view name = std::string_view(address).substr(address.find(':') + 1);
    std::copy(name.begin(), name.end(),
              local.sun_path + (address.starts_with("unix-abstract:") ? 1 : 0));
    out.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + 1);
    return out;
  }
  auto [host, port] = HostAndPort(address);
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (host == "0.0.0.0" || host == "::") host.clear();
  if (const int error =
          getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found);
      error != 0) {
    return absl::UnavailableError(gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, freeaddrinfo);
  // Of a wildcard the IPv4 loopback, which it always takes.
  const addrinfo* chosen = found;
  for (const addrinfo* at = found; host.empty() && at != nullptr; at = at->ai_next) {
    if (at->ai_family == AF_INET) chosen = at;
  }
  std::memcpy(&out.bytes, chosen->ai_addr, chosen->ai_addrlen);
  out.size = chosen->ai_addrlen;
  return out;
}

// Any name of the same kind: the call has to have one before it connects, to be expected.
absl::Status BindAnywhere(int fd, Address target) {
  if (target.bytes.ss_family == AF_UNIX) {
    target.size = sizeof(sa_family_t);
  } else if (target.bytes.ss_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6&>(target.bytes).sin6_port = 0;
  } else {
    reinterpret_cast<sockaddr_in&>(target.bytes).sin_port = 0;
  }
  if (bind(fd, reinterpret_cast<const sockaddr*>(&target.bytes), target.size) == 0)
    return absl::OkStatus();
  return absl::UnavailableError(Cat("bind: ", std::strerror(errno)));
}

SslPtr StartTls(int fd) {
  static SSL_CTX* const context = [] {
    SSL_CTX* made = SSL_CTX_new(TLS_client_method());
    static constexpr unsigned char kHttp2[] = {2, 'h', '2'};
    SSL_CTX_set_alpn_protos(made, kHttp2, sizeof kHttp2);
    return made;  // It verifies nothing: who answers is this process.
  }();
  SslPtr ssl(SSL_new(context));
  SSL_set_fd(ssl.get(), fd);
  SSL_set_connect_state(ssl.get());
  return ssl;
}

std::string Literal(int name_index,
                    std::string_view value) {  // RFC 7541, 6.2.2, with a name of the static table.
  std::string out;
  if (name_index < 15) {
    out.push_back(static_cast<char>(name_index));
  } else {
    out.push_back(15);
    out.push_back(static_cast<char>(name_index - 15));
  }
  out.push_back(static_cast<char>(value.size()));
  return out.append(value);
}

std::string Frame(uint8_t kind, uint8_t flags, uint8_t stream, std::string_view payload) {
  std::string out(9, '\0');
  out[2] = static_cast<char>(payload.size());
  out[3] = static_cast<char>(kind);
  out[4] = static_cast<char>(flags);
  out[8] = static_cast<char>(stream);
  return out.append(payload);
}

// The preface, SETTINGS, and Health.Check of the whole server as stream 1.
std::string Question(bool with_tls) {
  std::string headers = with_tls ? "\x83\x87" : "\x83\x86";  // :method POST, :scheme
  headers += Literal(4, "/grpc.health.v1.Health/Check");     // :path
  headers += Literal(1, "localhost");                        // :authority
  headers += Literal(31, "application/grpc");                // content-type
  headers += std::string("\0\2te\10trailers", 13);
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(4, 0, 0, "") + Frame(1, 4, 1, headers) +
         Frame(0, 1, 1, std::string_view("\0\0\0\0\0", 5));
}

class Caller {
 public:
  Caller(Transport transport, int64_t deadline_micros)
      : transport_(std::move(transport)), deadline_(deadline_micros) {}

  absl::Status Ask(const std::string& question) {
    absl::Status status = Until("TLS", [&] { return transport_.Handshake(); });
    std::string_view left = question;
    while (status.ok() && !left.empty()) {
      size_t sent = 0;
      status = Until("sending", [&] {
        const Transport::Io io = transport_.Write(left);
        sent = io.bytes;
        return io.state;
      });
      left.remove_prefix(sent);
    }
    while (status.ok() && !HasMessage()) {
      status = Until("waiting for the answer", [&] {
        char buffer[16 * 1024];
        const Transport::Io io = transport_.Read(buffer, sizeof buffer);
        received_.append(buffer, io.bytes);
        return io.state;
      });
    }
    return status;
  }

 private:
  template <class Step>
  absl::Status Until(std::string_view what, Step step) {
    while (true) {
      const Transport::State state = step();
      if (state == Transport::State::kDone) return absl::OkStatus();
      if (state == Transport::State::kClosed)
        return absl::UnavailableError(Cat(what, ": the connection was closed"));
      const int64_t left = deadline_ - EdgeMicros();
      pollfd waits{transport_.fd(),
                   static_cast<short>(state == Transport::State::kWantsRead ? POLLIN : POLLOUT), 0};
      if (left <= 0 || poll(&waits, 1, static_cast<int>(left / 1'000) + 1) == 0) {
        return absl::DeadlineExceededError(Cat(what, ": no answer"));
      }
    }
  }

  // A DATA frame of stream 1 has begun: the health service itself has spoken.
  bool HasMessage() const {
    for (size_t at = 0; at + 9 <= received_.size();) {
      const auto byte = [&](size_t i) {
        return static_cast<size_t>(static_cast<unsigned char>(received_[at + i]));
      };
      if (byte(3) == 0 && byte(8) == 1) return true;
      at += 9 + (byte(0) << 16 | byte(1) << 8 | byte(2));
    }
    return false;
  }

  Transport transport_;
  const int64_t deadline_;
  std::string received_;
};

}  // namespace

absl::Status CallSelf(Acceptor& acceptor, const std::string& address, bool with_tls,
                      int64_t patience_micros) {
  const int64_t deadline = EdgeMicros() + patience_micros;
  const absl::StatusOr<Address> target = Resolve(address);
  if (!target.ok()) return target.status();
  Descriptor socket(
      ::socket(target->bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return absl::UnavailableError(Cat("socket: ", std::strerror(errno)));
  if (absl::Status status = BindAnywhere(socket.get(), *target); !status.ok()) return status;
  const std::string name = LocalAddressOf(socket.get());
  acceptor.Expect(name);
  absl::Status status;
  const auto* generic = reinterpret_cast<const sockaddr*>(&target->bytes);
  // A connection of TCP goes on in the background; a unix socket's is made at once, or its queue is
  // full.
  if (connect(socket.get(), generic, target->size) != 0 && errno != EINPROGRESS) {
    status = absl::UnavailableError(Cat("connect: ", std::strerror(errno)));
  } else {
    pollfd waits{socket.get(), POLLOUT, 0};
    const int made = poll(&waits, 1, static_cast<int>(patience_micros / 1'000));
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (made == 0) {
      status = absl::DeadlineExceededError("connect: no answer");
    } else if (error != 0) {
      status = absl::UnavailableError(Cat("connect: ", std::strerror(error)));
    } else {
      SslPtr ssl = with_tls ? StartTls(socket.get()) : nullptr;
      status =
          Caller(Transport(std::move(socket), std::move(ssl)), deadline).Ask(Question(with_tls));
    }
  }
  acceptor.ExpectNoMore(name);
  return status;
}

}  // namespace capbroker
