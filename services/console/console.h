// Console: a web page, and the gateway to the API that the page calls. Whatever it shows and does
// goes through the API.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>
#include <vector>

#include "services/admin/admin_server.h"

namespace capbroker {

// Pages for the admin server: "/", "/console/...", "/api/...", "/events/...". `channel` leads to
// the server's own API. `name` is the host name under which the console is served besides this
// machine's own; empty: none.
std::vector<AdminPage> ConsolePages(const std::shared_ptr<grpc::Channel>& channel,
                                    const std::string& name);

}  // namespace capbroker
