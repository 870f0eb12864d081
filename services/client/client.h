// Client of the broker: how a program connects and authenticates, and how a failed call is
// explained to its user.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/values/time.h"

namespace capbroker {

struct ClientOptions {
  std::string target = "127.0.0.1:7420";  // host:port, or any gRPC target.
  std::string token{};                    // Bearer token; empty: none is sent.
  std::string token_file{};     // File to read the token from if `token` is empty; one line.
  std::string tls_ca_file{};    // PEM. Empty: the system's roots.
  std::string tls_cert_file{};  // PEM, with tls_key_file: mutual TLS.
  std::string tls_key_file{};
  // Use plain text although TLS files are named; only to a loopback address. Without TLS files a
  // loopback target uses plain text anyway, and any other target uses TLS.
  bool insecure_loopback = false;
  Span deadline = Seconds(30);  // Of each call but watches; positive.
};

// Creates a channel to the target, without connecting: an unreachable broker shows at the first
// call, as UNAVAILABLE. Reads token_file into options.token; white space around target and token is
// removed. Plain text never goes through a proxy of the environment (http_proxy).
//
// INVALID_ARGUMENT  a file cannot be read or is empty, only half of a certificate pair is given, or
//                   plain text is asked for beyond this machine; names the flag.
absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(ClientOptions& options);

// The context of one call, with the bearer token and the deadline. NewStream sets no deadline; it
// is for watches.
std::unique_ptr<grpc::ClientContext> NewContext(const ClientOptions& options);
std::unique_ptr<grpc::ClientContext> NewStream(const ClientOptions& options);

// Exit codes of the command line. Scripts depend on them. `capbroker --help` lists them.
enum ExitCode {
  kExitOk = 0,
  kExitRefused = 1,  // The broker refused: not permitted, not found, too late, already done.
  kExitUsage = 2,    // Bad flags, a bad file, or a field that the broker refuses.
  // Unreachable, overloaded, or no answer in time; repeat with the same request_id.
  kExitUnavailable = 3,
  kExitUnverified = 4,    // `decisions verify` found a difference.
  kExitFault = 5,         // The broker or this program is at fault.
  kExitNotFulfilled = 6,  // `request create --wait`: the request did not end FULFILLED.
};

// A failed call as one line for people, and the exit code of the process.
struct CallError {
  std::string line;    // "LATE_ANSWER: the answer came after the deadline (deadline 2025-...)"
  std::string reason;  // ErrorInfo.reason, or empty.
  int exit_code = kExitOk;
};
// `status` is not OK.
CallError Explain(const grpc::Status& status);

// The same for a failure on this side, before any call.
CallError Explain(const absl::Status& status);

// The local clock of this machine, for times such as "+36h" and for identifiers. Nothing is decided
// by it.
Instant LocalNow();

}  // namespace capbroker
