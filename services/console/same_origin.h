// Same-origin check: the page and its calls must come from the address at which the console was
// opened.
//
// Every call needs a token; this is a second barrier. No other web page reaches the console,
// neither through a name that resolves to this machine (DNS rebinding; the Host shows it) nor by a
// cross-site call (the Origin shows it).
#pragma once

#include <string>

#include "absl/status/status.h"
#include "services/admin/admin_server.h"

namespace capbroker {

// For the page. `name` is the host name under which the console is served besides this machine's
// own; empty: none.
//
// PERMISSION_DENIED (NOT_PERMITTED)  the Host is another.
absl::Status CheckHost(const AdminRequest& in, const std::string& name);

// For calls: also refused where the Origin is not that Host, or the browser reports a cross-site
// call. (A link to the page may stand anywhere.)
absl::Status CheckSameOrigin(const AdminRequest& in, const std::string& name);

}  // namespace capbroker
