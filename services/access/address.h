// Addresses that a process listens at.
#pragma once

#include <string>
#include <utility>

namespace capbroker {

// Host and port of "host:port" or "[::1]:port"; the port is empty if there is none.
std::pair<std::string, std::string> HostAndPort(const std::string& address);

// Whether only this machine can reach it: a loopback address, or a unix: socket.
bool IsLocal(const std::string& address);

// Why nothing can listen at this address, in words: "address already in use". For after gRPC could
// not, which does not say.
std::string WhyNotBound(const std::string& address);

}  // namespace capbroker
