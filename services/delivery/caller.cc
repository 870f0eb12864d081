#include "services/delivery/caller.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "broker/values/text.h"
#include "services/access/pem_files.h"
#include "services/edge/address.h"
#include "services/rpc/listener.h"

namespace capbroker {
namespace {

constexpr unsigned kReloadSeconds = 5;
constexpr int kMostBytesReceived = 64 * 1024;
constexpr char kSpiffe[] = "spiffe://";

// Refuses a peer whose certificate, already verified by gRPC, does not have this SPIFFE id as its
// only URI.
class SpiffeVerifier final : public grpc::experimental::ExternalCertificateVerifier {
 public:
  explicit SpiffeVerifier(std::string id) : id_(std::move(id)) {}
  bool Verify(grpc::experimental::TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)>, grpc::Status* status) override {
    const std::vector<grpc::string_ref> names = request->uri_names();
    if (names.size() == 1 && names.front() == id_) return true;
    *status =
        grpc::Status(grpc::StatusCode::UNAUTHENTICATED, Cat("the certificate does not name ", id_));
    return true;
  }
  void Cancel(grpc::experimental::TlsCustomVerificationCheckRequest*) override {}

 private:
  const std::string id_;
};

}  // namespace

class CallerCredentials {
 public:
  explicit CallerCredentials(const CallerOptions& options)
      : insecure_loopback_(options.insecure_loopback) {
    if (options.ca_file.empty()) return;
    files_ = std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
        options.key_file, options.cert_file, options.ca_file, kReloadSeconds);
  }

  // FAILED_PRECONDITION if this broker may not call the endpoint.
  absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> For(const Endpoint& endpoint) const {
    if (insecure_loopback_ && endpoint.server_name.empty() && IsLocal(endpoint.address)) {
      return grpc::InsecureChannelCredentials();
    }
    if (files_ == nullptr) {
      return absl::FailedPreconditionError(
          "this broker has no --provider-ca to know the provider by");
    }
    grpc::experimental::TlsChannelCredentialsOptions tls;
    tls.set_certificate_provider(files_);
    tls.watch_root_certs();
    tls.watch_identity_key_cert_pairs();
    tls.set_verify_server_certs(true);
    if (endpoint.server_name.starts_with(kSpiffe)) {
      tls.set_check_call_host(false);
      tls.set_certificate_verifier(
          grpc::experimental::ExternalCertificateVerifier::Create<SpiffeVerifier>(
              endpoint.server_name));
    } else {
      tls.set_certificate_verifier(
          std::make_shared<grpc::experimental::HostNameCertificateVerifier>());
    }
    return grpc::experimental::TlsCredentials(tls);
  }

 private:
  const bool insecure_loopback_;
  std::shared_ptr<grpc::experimental::FileWatcherCertificateProvider> files_;
};

absl::StatusOr<std::shared_ptr<const CallerCredentials>> MakeCallerCredentials(
    const CallerOptions& options) {
  if (!options.ca_file.empty()) {
    if (options.cert_file.empty() || options.key_file.empty()) {
      return absl::InvalidArgumentError(
          "--provider-ca: want --provider-cert and --provider-key too, or --tls-cert and "
          "--tls-key");
    }
    if (absl::Status status = CheckAuthority("--provider-ca", options.ca_file); !status.ok())
      return status;
    if (absl::Status status =
            CheckIdentity("--provider-cert", options.cert_file, "--provider-key", options.key_file);
        !status.ok()) {
      return status;
    }
  }
  return std::make_shared<const CallerCredentials>(options);
}

Caller::Caller(std::shared_ptr<const CallerCredentials> credentials, Endpoint endpoint)
    : credentials_(std::move(credentials)), endpoint_(std::move(endpoint)) {}

std::shared_ptr<Caller::Out> Caller::Call(v1::ConsiderOfferRequest request, Span patience,
                                          Done done) {
  auto out = std::make_shared<Out>();
  if (stub_ == nullptr) {
    const absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> credentials =
        credentials_->For(endpoint_);
    if (!credentials.ok()) {
      done(grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, Cat(credentials.status().message())),
           out->response);
      return out;
    }
    grpc::ChannelArguments arguments;
    // So that Disconnect closes the connection.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // Connects to the provider directly.
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
    arguments.SetMaxReceiveMessageSize(kMostBytesReceived);
    arguments.SetUserAgentPrefix("capbroker");
    if (!endpoint_.server_name.empty() && !endpoint_.server_name.starts_with(kSpiffe)) {
      arguments.SetSslTargetNameOverride(endpoint_.server_name);
    }
    stub_ = v1::CapacityProvider::NewStub(
        grpc::CreateCustomChannel(Cat("dns:///", endpoint_.address), *credentials, arguments));
  }
  out->stub = stub_;
  out->request = std::move(request);
  out->context.set_deadline(std::chrono::system_clock::now() +
                            std::chrono::microseconds(patience.micros));
  out->stub->async()->ConsiderOffer(
      &out->context, &out->request, &out->response,
      [out, done = std::move(done)](grpc::Status status) { done(status, out->response); });
  return out;
}

std::string CodeOf(const grpc::Status& status) {
  return absl::StatusCodeToString(static_cast<absl::StatusCode>(status.error_code()));
}

}  // namespace capbroker
