#include "services/edge/address.h"

#include "broker/values/text.h"
#include "services/edge/socket.h"

namespace capbroker {

std::pair<std::string, std::string> HostAndPort(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return {address, ""};
  std::string host = address.substr(0, colon);
  if (host.size() > 1 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  return {host, address.substr(colon + 1)};
}

bool IsLocal(const std::string& address) {
  if (address.starts_with("unix:") || address.starts_with("unix-abstract:")) return true;
  const std::string host = HostAndPort(address).first;
  return host == "localhost" || host == "::1" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos);
}

std::string WhyNotBound(const std::string& address) {
  const absl::Status status = Listen(address).status();
  return status.ok() ? "it could not be bound" : std::string(View(status.message()));
}

}  // namespace capbroker
