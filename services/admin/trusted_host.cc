#include "services/admin/trusted_host.h"

#include <arpa/inet.h>

#include <algorithm>

#include "services/edge/address.h"

namespace capbroker {

bool IsTrustedHost(const std::string& host, const std::vector<std::string>& names) {
  const bool has_port = !host.ends_with(']') && host.find(':') != std::string::npos;
  const std::string name = HostAndPort(has_port ? host : host + ":80").first;
  in6_addr address;
  return name.find('.') == std::string::npos || inet_pton(AF_INET, name.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, name.c_str(), &address) == 1 ||
         std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace capbroker
