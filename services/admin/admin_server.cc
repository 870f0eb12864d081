#include "services/admin/admin_server.h"

#include <httplib.h>
#include <pthread.h>

#include <thread>
#include <utility>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "broker/values/text.h"
#include "services/edge/address.h"

namespace capbroker {
namespace {

constexpr size_t kThreads = 4;
constexpr int kSeconds = 5;  // For a request to arrive, and for its reply to be sent.
constexpr size_t kMostBytes = 256 * 1024;

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

}  // namespace

class AdminServer::Http {
 public:
  explicit Http(std::vector<AdminPage> pages) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(kThreads + kMostAdminStreams); };
    // The default, SO_REUSEPORT, would silently share a port that is in use.
    server_.set_socket_options([](auto socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server_.set_keep_alive_max_count(1);  // An idle connection must not hold a thread.
    server_.set_read_timeout(kSeconds);
    server_.set_write_timeout(kSeconds);
    server_.set_payload_max_length(kMostBytes);
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
    if (!thread_.joinable()) return;
    // stop() has no effect before the server's loop has begun.
    do {
      server_.stop();
    } while (!ended_.WaitForNotificationWithTimeout(absl::Milliseconds(10)));
    thread_.join();
  }

  absl::Status Listen(const std::string& address) {
    const size_t colon = address.rfind(':');
    std::string host = address.substr(0, colon);
    const auto port = colon == std::string::npos
                          ? std::nullopt
                          : ParseNumber<uint16_t>(std::string_view(address).substr(colon + 1));
    if (!port || host.empty() || address.starts_with("unix:")) {
      return absl::InvalidArgumentError(Cat("got ", address, ", want host:port, or off"));
    }
    if (host.size() > 1 && host.front() == '[' && host.back() == ']')
      host = host.substr(1, host.size() - 2);
    int bound = *port;
    if (*port == 0) {
      bound = server_.bind_to_any_port(host);
    } else if (!server_.bind_to_port(host, *port)) {
      bound = -1;
    }
    if (bound <= 0) {
      return absl::FailedPreconditionError(
          Cat("cannot listen on ", address, ": ", WhyNotBound(address)));
    }
    address_ = Cat(address.substr(0, colon + 1), bound);
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "admin");
      server_.listen_after_bind();
      ended_.Notify();
    });
    return absl::OkStatus();
  }

  const std::string& address() const { return address_; }

 private:
  httplib::Server server_;
  std::string address_;
  absl::Notification ended_;
  std::thread thread_;
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
