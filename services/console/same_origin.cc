#include "services/console/same_origin.h"

#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/edge/address.h"

namespace capbroker {
namespace {

absl::Status Elsewhere(const std::string& message) {
  return Refuse(absl::StatusCode::kPermissionDenied, "NOT_PERMITTED", message);
}

// "example.org" of "example.org:8443".
std::string WithoutPort(const std::string& host) {
  const size_t colon = host.rfind(':');
  return colon == std::string::npos || host.ends_with(']') ? host : host.substr(0, colon);
}

}  // namespace

absl::Status CheckHost(const AdminRequest& in, const std::string& name) {
  const std::string host = in.header("Host");
  // IsLocal accepts unix sockets, which are no host names.
  const bool local =
      !host.starts_with("unix") && IsLocal(host.ends_with(']') ? host + ":80" : host);
  if (!local && (name.empty() || WithoutPort(host) != name)) {
    return Elsewhere(Cat("the Host: got ", host.empty() ? "none" : host, ", want this machine's",
                         name.empty() ? "" : Cat(" or ", name)));
  }
  return absl::OkStatus();
}

absl::Status CheckSameOrigin(const AdminRequest& in, const std::string& name) {
  if (absl::Status status = CheckHost(in, name); !status.ok()) return status;
  const std::string host = in.header("Host"), origin = in.header("Origin");
  if (!origin.empty() && origin != Cat("http://", host) && origin != Cat("https://", host)) {
    return Elsewhere(Cat("the Origin: got ", origin, ", want that of the Host, ", host));
  }
  const std::string from = in.header("Sec-Fetch-Site");
  if (!from.empty() && from != "same-origin" && from != "none") {
    return Elsewhere(Cat("Sec-Fetch-Site: got ", from, ", want same-origin"));
  }
  return absl::OkStatus();
}

}  // namespace capbroker
