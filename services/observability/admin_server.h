// The operator's port: pages over plain HTTP, for probes, scrapers and whoever looks.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace capbroker {

struct AdminRequest {
  std::string body{};
  std::string level{};  // The parameter of this name.
  // Made on this machine, and not by a web page that somebody has open there.
  bool local = false;
};

struct AdminReply {
  int code = 200;
  std::string text{};
  std::string type = "text/plain; charset=utf-8";
};

struct AdminPage {
  bool post = false;  // Else GET.
  std::string path{};
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
