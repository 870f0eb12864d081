// Listen addresses.
#pragma once

#include <string>
#include <utility>

namespace capbroker {

// Host and port of "host:port" or "[::1]:port"; the port is empty if there is none.
std::pair<std::string, std::string> HostAndPort(const std::string& address);

// Whether only this machine can reach the address: a loopback address or a unix: socket.
bool IsLocal(const std::string& address);

// Why nothing can listen on the address, in words: "Address already in use". gRPC and httplib do
// not say why they failed.
std::string WhyNotBound(const std::string& address);

}  // namespace capbroker
