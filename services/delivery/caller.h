// Client of one provider's CapacityProvider service: over TLS with the broker's certificate, and
// only to a server whose certificate names whom the registry says; in plain text only to this
// machine, if configured.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "broker/values/provider.h"
#include "capbroker/v1/capacity_provider.grpc.pb.h"

namespace capbroker {

struct CallerOptions {
  // PEM files, read again when they change. Empty: no provider is called over TLS.
  std::string ca_file{};    // Who signs the providers' certificates.
  std::string cert_file{};  // The broker's own.
  std::string key_file{};
  bool insecure_loopback = false;
};

// What all calls share. Thread-safe.
class CallerCredentials;

// INVALID_ARGUMENT names the option, and says what is wrong with the file.
absl::StatusOr<std::shared_ptr<const CallerCredentials>> MakeCallerCredentials(
    const CallerOptions& options);

// Calls one provider. Not thread-safe; callbacks run on gRPC's threads.
class Caller {
 public:
  Caller(std::shared_ptr<const CallerCredentials> credentials, Endpoint endpoint);

  using Done =
      std::function<void(const grpc::Status& status, const v1::ConsiderOfferResponse& response)>;
  // A call in flight. Keep it until it is done; cancel it through its context.
  struct Out {
    grpc::ClientContext context{};
    v1::ConsiderOfferRequest request{};
    v1::ConsiderOfferResponse response{};
    std::shared_ptr<v1::CapacityProvider::Stub> stub{};
  };
  // `done` runs once, on another thread or before Call returns. Connects if there is no connection.
  std::shared_ptr<Out> Call(v1::ConsiderOfferRequest request, Span patience, Done done);
  // The next call makes a new connection: the default backoff of this one would grow to minutes.
  void Disconnect() { stub_ = nullptr; }

 private:
  const std::shared_ptr<const CallerCredentials> credentials_;
  const Endpoint endpoint_;
  std::shared_ptr<v1::CapacityProvider::Stub> stub_;
};

// The status code as the trail spells it: "UNAVAILABLE".
std::string CodeOf(const grpc::Status& status);

}  // namespace capbroker
