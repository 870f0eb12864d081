#include "services/admin/admin_server.h"

#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <utility>

#include "broker/values/text.h"
#include "services/admin/request_gate.h"
#include "services/edge/address.h"
#include "services/edge/socket.h"

namespace capbroker {
namespace {

constexpr size_t kThreads = 4;
constexpr int64_t kSendMicros = 5'000'000;  // For each piece of a reply to be sent.
constexpr size_t kMostWaiting = 256;

bool IsLoopback(const std::string& address) {
  return address == "::1" || address.starts_with("127.") || address.starts_with("::ffff:127.");
}

AdminRequest From(const httplib::Request& in) {
  AdminRequest out;
  out.path = in.path;
  out.body = in.body;
  out.header = [&in](const std::string& name) {
    return in.get_header_value_count(name) == 1 ? in.get_header_value(name) : "";
  };
  out.parameter = [&in](const std::string& name) {
    return in.get_param_value_count(name) == 1 ? in.get_param_value(name) : "";
  };
  out.local = IsLoopback(in.remote_addr) && !in.has_header("Origin");
  return out;
}

void Send(AdminReply reply, httplib::Response& out) {
  out.status = reply.code;
  bool cached = false;
  for (const auto& [name, value] : reply.headers) {
    out.set_header(name, value);
    cached |= name == "Cache-Control";
  }
  if (!cached) out.set_header("Cache-Control", "no-store");
  if (reply.stream == nullptr) return out.set_content(reply.text, reply.type);
  const std::shared_ptr<AdminStream> stream = std::move(reply.stream);
  out.set_chunked_content_provider(reply.type, [stream](size_t, httplib::DataSink& sink) {
    if (!sink.is_writable()) return false;
    const std::optional<std::string> bytes = stream->Next();
    if (!bytes) sink.done();
    if (bytes && !bytes->empty()) return sink.write(bytes->data(), bytes->size());
    return true;
  });
}

// A request that was read whole, and the connection that its reply is sent on.
class WholeRequest final : public httplib::Stream {
 public:
  WholeRequest(Descriptor connection, std::string request)
      : connection_(std::move(connection)), request_(std::move(request)) {}

  bool is_readable() const override { return true; }
  // Of a stream, which ends when its reader is gone.
  bool is_writable() const override {
    pollfd wait{connection_.get(), POLLRDHUP, 0};
    return poll(&wait, 1, 0) == 0;
  }
  ssize_t read(char* to, size_t size) override {
    const size_t count = request_.copy(to, size, read_);
    read_ += count;
    return static_cast<ssize_t>(count);
  }
  // All of it, within kSendMicros.
  ssize_t write(const char* from, size_t size) override {
    const int64_t until = EdgeMicros() + kSendMicros;
    for (size_t sent = 0; sent < size;) {
      const ssize_t now = send(connection_.get(), from + sent, size - sent, MSG_NOSIGNAL);
      if (now >= 0) {
        sent += static_cast<size_t>(now);
        continue;
      }
      const int64_t left = until - EdgeMicros();
      if ((errno != EAGAIN && errno != EINTR) || left <= 0) return -1;
      pollfd wait{connection_.get(), POLLOUT, 0};
      poll(&wait, 1, static_cast<int>(left / 1'000 + 1));
    }
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    Split(PeerAddressOf(connection_.get()), ip, port);
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    Split(LocalAddressOf(connection_.get()), ip, port);
  }
  // Not the descriptor: httplib would refuse numbers that do not fit into select's sets, which it
  // does not use here.
  socket_t socket() const override { return 0; }

 private:
  static void Split(const std::string& address, std::string& ip, int& port) {
    const auto [host, service] = HostAndPort(address);
    ip = host;
    port = ParseNumber<int>(service).value_or(0);
  }

  const Descriptor connection_;
  const std::string request_;
  size_t read_ = 0;
};

// httplib without its sockets.
class Pages final : public httplib::Server {
 public:
  void Open() { svr_sock_ = 0; }
  // Streams end.
  void Close() { svr_sock_ = INVALID_SOCKET; }
  void Answer(WholeRequest& request) {
    bool closes = false;
    process_request(request, /*close_connection=*/true, closes, nullptr);
  }
};

}  // namespace

class AdminServer::Http {
 public:
  explicit Http(std::vector<AdminPage> pages) {
    server_.set_payload_max_length(kMostBodyBytes);
    for (AdminPage& page : pages) {
      auto handler = [reply = std::move(page.reply)](const httplib::Request& in,
                                                     httplib::Response& out) {
        Send(reply(From(in)), out);
      };
      if (page.post) {
        server_.Post(page.path, std::move(handler));
      } else {
        server_.Get(page.path, std::move(handler));
      }
    }
    server_.set_error_handler([](const httplib::Request&, httplib::Response& out) {
      if (out.body.empty()) out.set_content(Cat(out.status, "\n"), "text/plain");
    });
  }

  ~Http() {
    gate_ = nullptr;
    server_.Close();
    threads_.shutdown();
  }

  absl::Status Listen(const std::string& address) {
    const auto [host, port] = HostAndPort(address);
    if (!ParseNumber<uint16_t>(port) || host.empty() || address.starts_with("unix")) {
      return absl::InvalidArgumentError(Cat("got ", address, ", want host:port, or off"));
    }
    server_.Open();
    absl::StatusOr<std::unique_ptr<RequestGate>> gate =
        RequestGate::Open(address, [this](Descriptor connection, std::string request) {
          if (waiting_.fetch_add(1) >= kMostWaiting) return (void)waiting_.fetch_sub(1);
          threads_.enqueue([this, whole = std::make_shared<WholeRequest>(std::move(connection),
                                                                         std::move(request))] {
            server_.Answer(*whole);
            waiting_.fetch_sub(1);
          });
        });
    if (!gate.ok()) {
      return absl::FailedPreconditionError(
          Cat("cannot listen on ", address, ": ", View(gate.status().message())));
    }
    gate_ = *std::move(gate);
    return absl::OkStatus();
  }

  const std::string& address() const { return gate_->address(); }

 private:
  Pages server_;
  std::atomic<size_t> waiting_ = 0;  // Requests that are answered, or wait for a thread.
  httplib::ThreadPool threads_{kThreads + kMostAdminStreams};
  std::unique_ptr<RequestGate> gate_;
};

AdminServer::AdminServer(std::unique_ptr<Http> http) : http_(std::move(http)) {}
AdminServer::~AdminServer() = default;

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(const std::string& address,
                                                                std::vector<AdminPage> pages) {
  auto http = std::make_unique<Http>(std::move(pages));
  if (absl::Status status = http->Listen(address); !status.ok()) return status;
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(http)));
}

const std::string& AdminServer::address() const { return http_->address(); }

}  // namespace capbroker
