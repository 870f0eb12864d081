// Where the server listens, and how callers prove who they are there.
#pragma once

#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "broker/values/time.h"
#include "services/edge/edge.h"

namespace capbroker {

struct ListenerOptions {
  std::string address = "127.0.0.1:7420";  // host:port, or unix:/path. Port 0: any that is free.
  // PEM files, read again when they change. Certificate and key: both, or neither.
  std::string tls_cert_file{};
  std::string tls_key_file{};
  // Callers' certificates are those that this CA signed.
  std::string tls_client_ca_file{};
  // A caller may come without a certificate (and then needs a token).
  bool client_certificate_optional = false;
  // Plain text, on this machine only. Callers need a token even so.
  bool insecure_loopback = false;
  size_t max_connections = 1'000;  // Less where the process may not have so many descriptors.
  size_t max_connections_per_address = 100;  // Of one IPv4 address, or one IPv6 /64.
  Span handshake_timeout = Seconds(5);       // For TLS and a client's first words in HTTP/2.
};

// For a server of gRPC's own, which nobody strange can reach. INVALID_ARGUMENT names the option,
// and says what is wrong with the file.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(
    const ListenerOptions& options);

// Listens, and takes nothing yet. Keeps `peers`, which outlive it.
//
// INVALID_ARGUMENT     names the option, and says what is wrong with it or with the file.
// FAILED_PRECONDITION  nothing can listen at this address, and why.
absl::StatusOr<std::unique_ptr<Edge>> OpenEdge(const ListenerOptions& options, PeerTable& peers);

}  // namespace capbroker
