// The operator's port: pages over plain HTTP, for probes, scrapers and whoever looks.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace capbroker {

// So many replies may go on at a time without the others waiting for them; whoever gives streams
// keeps count.
inline constexpr size_t kMostAdminStreams = 32;

struct AdminRequest {
  std::string path{};  // "/loglevel".
  std::string body{};
  // What it has of this name; empty where it has none, or several, which would leave it open which
  // one counts.
  std::function<std::string(const std::string&)> header{}, parameter{};
  // Made on this machine, and not by a web page that somebody has open there.
  bool local = false;
};

// A reply that goes on.
class AdminStream {
 public:
  virtual ~AdminStream() = default;  // Also when the caller is gone.
  // The next bytes, for which it waits some tenths of a second at most: empty if there are none
  // yet, nothing after the last.
  virtual std::optional<std::string> Next() = 0;
};

struct AdminReply {
  int code = 200;
  std::string text{};
  std::string type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>>
      headers{};                          // Besides; Cache-Control: no-store if it has none.
  std::unique_ptr<AdminStream> stream{};  // If set, in place of the text.
};

struct AdminPage {
  bool post = false;   // Else GET.
  std::string path{};  // A regular expression; the whole path matches it.
  std::function<AdminReply(const AdminRequest&)> reply{};  // From several threads at once.
};

class AdminServer {
 public:
  // Listens at `address`, host:port; port 0: any that is free.
  //
  // INVALID_ARGUMENT     it is not an address.
  // FAILED_PRECONDITION  nothing can listen there, and why.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(const std::string& address,
                                                            std::vector<AdminPage> pages);
  ~AdminServer();  // Waits for replies under way.

  // Where it listens: "127.0.0.1:41373".
  const std::string& address() const;

 private:
  class Http;
  explicit AdminServer(std::unique_ptr<Http> http);
  std::unique_ptr<Http> http_;
};

}  // namespace capbroker
