// The client's side of the wire: how a verb reaches the broker, and how a refusal is read to its
// caller.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/values/time.h"
#include "services/client/exit_code.h"

namespace capbroker {

struct ClientOptions {
  std::string target = "127.0.0.1:7420";  // host:port, or any gRPC target.
  std::string token{};                    // Bearer token; empty: none is sent.
  std::string token_file{};               // Where to read it from, if `token` is empty; one line.
  std::string tls_ca_file{};              // PEM. Empty: the system's roots.
  std::string tls_cert_file{};            // PEM, with tls_key_file: mutual TLS.
  std::string tls_key_file{};
  // Plain text although TLS files are named; only to a loopback address. Without TLS files a
  // loopback target is plain text anyway, and any other target is TLS.
  bool insecure_loopback = false;
  Span deadline = Seconds(30);  // Of each call but watches. More than zero.
};

// A channel to the target, not yet connected: an unreachable broker shows at the first call, as
// UNAVAILABLE. Reads token_file into options.token.
//
// INVALID_ARGUMENT  a file that cannot be read or is empty, half of a certificate pair, plain text
// asked for
//                   beyond this machine; names the flag.
absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(ClientOptions& options);

// A context for one call, with the bearer token and the deadline; `NewStream` is without deadline,
// for watches.
std::unique_ptr<grpc::ClientContext> NewContext(const ClientOptions& options);
std::unique_ptr<grpc::ClientContext> NewStream(const ClientOptions& options);

// A failed call as one line for people, and what the process should end with.
struct CallError {
  std::string line;    // "LATE_ANSWER: the answer came after the deadline (deadline 2025-...)"
  std::string reason;  // ErrorInfo.reason, or empty.
  int exit_code = kExitOk;
};
// `status` is not OK.
CallError Explain(const grpc::Status& status);

// The same for a failure on this side: no call was made.
CallError Explain(const absl::Status& status);

}  // namespace capbroker
