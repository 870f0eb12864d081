// How a provider is reached: over TLS, with the broker's certificate, and only if its own names
// whom the registry says; in plain text only on this machine, where the broker was told so.
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
  std::string ca_file{};    // Who signs providers' certificates.
  std::string cert_file{};  // The broker's own.
  std::string key_file{};
  bool insecure_loopback = false;
};

// What all calls have in common. Of several threads' use.
class CallerCredentials;

// INVALID_ARGUMENT names the option, and says what is wrong with the file.
absl::StatusOr<std::shared_ptr<const CallerCredentials>> MakeCallerCredentials(
    const CallerOptions& options);

// One provider's door. Not for several threads at once; what runs later, runs on gRPC's.
class Caller {
 public:
  Caller(std::shared_ptr<const CallerCredentials> credentials, Endpoint endpoint);

  using Done =
      std::function<void(const grpc::Status& status, const v1::ConsiderOfferResponse& response)>;
  // One call out. Keep it until it is done; cancel what is not waited for any longer.
  struct Out {
    grpc::ClientContext context{};
    v1::ConsiderOfferRequest request{};
    v1::ConsiderOfferResponse response{};
    std::shared_ptr<v1::CapacityProvider::Stub> stub{};
  };
  // `done` runs once, on another thread or before this returns. A connection is made if there is
  // none.
  std::shared_ptr<Out> Call(v1::ConsiderOfferRequest request, Span patience, Done done);
  // The next call makes a new connection, whatever became of this one: left alone, gRPC would wait
  // up to minutes.
  void HangUp() { stub_ = nullptr; }

 private:
  const std::shared_ptr<const CallerCredentials> credentials_;
  const Endpoint endpoint_;
  std::shared_ptr<v1::CapacityProvider::Stub> stub_;
};

// As the trail names it: "UNAVAILABLE".
std::string CodeOf(const grpc::Status& status);

}  // namespace capbroker
