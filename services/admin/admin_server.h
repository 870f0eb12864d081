// Admin server: pages over plain HTTP for probes, scrapers and operators.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace capbroker {

// At most this many streaming replies do not delay other replies; whoever creates streams enforces
// the limit.
inline constexpr size_t kMostAdminStreams = 32;

struct AdminRequest {
  std::string path{};  // "/loglevel".
  std::string body{};
  // The value of a header or parameter; empty if there is none, or more than one, which would be
  // ambiguous.
  std::function<std::string(const std::string&)> header{}, parameter{};
  // From this machine, and not from a web page that is open on it.
  bool local = false;
};

// A streaming reply.
class AdminStream {
 public:
  virtual ~AdminStream() = default;  // Also called when the client has disconnected.
  // The next bytes. Waits some tenths of a second at most; an empty string if there are none yet,
  // nullopt at the end.
  virtual std::optional<std::string> Next() = 0;
};

struct AdminReply {
  int code = 200;
  std::string text{};
  std::string type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>>
      headers{};                          // Further headers. Cache-Control defaults to no-store.
  std::unique_ptr<AdminStream> stream{};  // If set, replaces the text.
};

struct AdminPage {
  bool post = false;   // Else GET.
  std::string path{};  // A regular expression that matches the whole path.
  std::function<AdminReply(const AdminRequest&)> reply{};  // Called from several threads at once.
};

class AdminServer {
 public:
  // Listens on `address`, host:port; port 0 chooses a free one.
  //
  // INVALID_ARGUMENT     the address is malformed.
  // FAILED_PRECONDITION  the address cannot be listened on; says why.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(const std::string& address,
                                                            std::vector<AdminPage> pages);
  ~AdminServer();  // Waits for replies in progress.

  // The address it listens on: "127.0.0.1:41373".
  const std::string& address() const;

 private:
  class Http;
  explicit AdminServer(std::unique_ptr<Http> http);
  std::unique_ptr<Http> http_;
};

}  // namespace capbroker
