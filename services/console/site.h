// Who may look at the console from where: the page and its calls belong to one site, that of the
// address it was opened at.
//
// A token is needed for every call, so these two are the second lock: no web page that somebody has
// open elsewhere reaches the console, neither by a name that was turned to this machine (the Host
// says it) nor by a call across sites (the Origin says it).
#pragma once

#include <string>

#include "absl/status/status.h"
#include "services/admin/admin_server.h"

namespace capbroker {

// For the page. `name` is the host under which the console is served besides this machine's own;
// empty: none.
//
// PERMISSION_DENIED (NOT_PERMITTED)  the Host is another.
absl::Status CheckHost(const AdminRequest& in, const std::string& name);

// For its calls: also refused where the Origin is not that Host, or the browser says that another
// site calls. (A link to the page may stand anywhere.)
absl::Status CheckSite(const AdminRequest& in, const std::string& name);

}  // namespace capbroker
