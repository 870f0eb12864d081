#include "services/rpc/listener.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <spdlog/spdlog.h>

#include <array>
#include <optional>
#include <utility>

#include "broker/values/text.h"
#include "services/access/pem_files.h"
#include "services/edge/address.h"
#include "services/log/log.h"
#include "services/log/log_rate_limit.h"

namespace capbroker {
namespace {

constexpr unsigned kReloadSeconds = 5;

absl::Status CheckFiles(const ListenerOptions& options) {
  absl::Status status =
      CheckIdentity("--tls-cert", options.tls_cert_file, "--tls-key", options.tls_key_file);
  if (!status.ok() || options.tls_client_ca_file.empty()) return status;
  return CheckAuthority("--tls-client-ca", options.tls_client_ca_file);
}

// Whether there is TLS, the options and the files being as they should be.
absl::StatusOr<bool> UsesTls(const ListenerOptions& options) {
  const bool tls = !options.tls_cert_file.empty() || !options.tls_key_file.empty();
  if (!tls && !options.tls_client_ca_file.empty()) {
    return absl::InvalidArgumentError("--tls-client-ca: want --tls-cert and --tls-key too");
  }
  if (!tls && !options.insecure_loopback) {
    return absl::InvalidArgumentError(
        "no transport security: want --tls-cert and --tls-key, or --insecure-loopback on this "
        "machine "
        "alone");
  }
  if (!tls && !IsLocal(options.address)) {
    return absl::InvalidArgumentError(Cat("--insecure-loopback: got --listen ", options.address,
                                          ", want 127.0.0.1, [::1] or a unix: socket"));
  }
  if (!tls) return false;
  if (options.tls_cert_file.empty() || options.tls_key_file.empty()) {
    return absl::InvalidArgumentError("--tls-cert and --tls-key: want both");
  }
  if (absl::Status status = CheckFiles(options); !status.ok()) return status;
  return true;
}

absl::StatusOr<std::unique_ptr<ServerTls>> LoadTls(const ListenerOptions& options) {
  const absl::StatusOr<bool> tls = UsesTls(options);
  if (!tls.ok() || !*tls)
    return tls.ok() ? absl::StatusOr<std::unique_ptr<ServerTls>>(nullptr) : tls.status();
  return ServerTls::Load({options.tls_cert_file, options.tls_key_file, options.tls_client_ca_file,
                          options.client_certificate_optional});
}

void LogShed(Shed why, std::string_view peer) {
  static std::array<LogRateLimit, kShedNames.size()> said;
  const std::optional<uint64_t> others =
      said[static_cast<size_t>(why)].Admit(EdgeMicros() / Seconds(1).micros);
  if (!others) return;
  spdlog::warn(LogLine(
      "connection closed",
      {{"reason", NameOf(why)}, {"peer", peer}, {"and_others", *others == 0 ? "" : Cat(*others)}}));
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(
    const ListenerOptions& options) {
  const absl::StatusOr<bool> tls = UsesTls(options);
  if (!tls.ok()) return tls.status();
  if (!*tls) return grpc::InsecureServerCredentials();
  const bool ask = !options.tls_client_ca_file.empty();
  auto files = std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      options.tls_key_file, options.tls_cert_file, options.tls_client_ca_file, kReloadSeconds);
  grpc::experimental::TlsServerCredentialsOptions tls_options(files);
  tls_options.watch_identity_key_cert_pairs();
  if (ask) tls_options.watch_root_certs();
  tls_options.set_cert_request_type(
      !ask ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
      : options.client_certificate_optional
          ? GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY
          : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  return grpc::experimental::TlsServerCredentials(tls_options);
}

absl::StatusOr<std::unique_ptr<Edge>> OpenEdge(const ListenerOptions& options, PeerTable& peers) {
  absl::StatusOr<std::unique_ptr<ServerTls>> tls = LoadTls(options);
  if (!tls.ok()) return tls.status();
  EdgeOptions edge;
  edge.address = options.address;
  edge.max_connections = options.max_connections;
  edge.max_connections_per_address = options.max_connections_per_address;
  edge.handshake_micros = options.handshake_timeout.micros;
  edge.on_shed = LogShed;
  edge.on_bad_certificate_files = [](const absl::Status& status) {
    spdlog::error("the certificate stays as it was: {}", View(status.message()));
  };
  return Edge::Open(std::move(edge), *std::move(tls), peers);
}

}  // namespace capbroker
