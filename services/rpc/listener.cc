#include "services/rpc/listener.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include "broker/values/text.h"
#include "services/access/address.h"
#include "services/access/pem_files.h"

namespace capbroker {
namespace {

constexpr unsigned kReloadSeconds = 5;

absl::Status CheckFiles(const ListenerOptions& options) {
  absl::Status status =
      CheckIdentity("--tls-cert", options.tls_cert_file, "--tls-key", options.tls_key_file);
  if (!status.ok() || options.tls_client_ca_file.empty()) return status;
  return CheckAuthority("--tls-client-ca", options.tls_client_ca_file);
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(
    const ListenerOptions& options) {
  const bool tls = !options.tls_cert_file.empty() || !options.tls_key_file.empty();
  if (!tls && !options.tls_client_ca_file.empty()) {
    return absl::InvalidArgumentError("--tls-client-ca: want --tls-cert and --tls-key too");
  }
  if (!tls) {
    if (!options.insecure_loopback) {
      return absl::InvalidArgumentError(
          "no transport security: want --tls-cert and --tls-key, or --insecure-loopback on this "
          "machine "
          "alone");
    }
    if (!IsLocal(options.address)) {
      return absl::InvalidArgumentError(Cat("--insecure-loopback: got --listen ", options.address,
                                            ", want 127.0.0.1, [::1] or a unix: socket"));
    }
    return grpc::InsecureServerCredentials();
  }
  if (options.tls_cert_file.empty() || options.tls_key_file.empty()) {
    return absl::InvalidArgumentError("--tls-cert and --tls-key: want both");
  }
  if (absl::Status status = CheckFiles(options); !status.ok()) return status;
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

}  // namespace capbroker
