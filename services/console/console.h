// The console: a page for people, and the gateway that it calls. Everything it shows and does is
// the API's.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>
#include <vector>

#include "services/admin/admin_server.h"

namespace capbroker {

// For the admin server: "/", "/console/...", "/api/...", "/events/...". `channel` leads to the
// server's own API; `name` is the host under which the console is served besides this machine's
// own, or empty.
std::vector<AdminPage> ConsolePages(const std::shared_ptr<grpc::Channel>& channel,
                                    const std::string& name);

}  // namespace capbroker
