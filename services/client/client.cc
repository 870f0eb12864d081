#include "services/client/client.h"

#include <chrono>
#include <map>
#include <string_view>

#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "services/client/proto_values.h"
#include "services/files/text_file.h"

namespace capbroker {
namespace {

// Reads a token, certificate or key; an empty file is an error.
absl::StatusOr<std::string> ReadSecret(std::string_view flag, const std::string& path) {
  absl::StatusOr<std::string> text = ReadTextFile(flag, path);
  if (text.ok() && text->empty()) return Invalid(flag, path, "a file with something in it");
  return text;
}

std::string_view Trim(std::string_view text) {
  const size_t from = text.find_first_not_of(" \t\r\n");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1);
}

// Whether what is sent to the target stays on this machine.
bool IsLoopback(std::string_view target) {
  if (target.starts_with("unix:")) return true;
  for (std::string_view scheme : {"dns:///", "ipv4:", "ipv6:"}) {
    if (target.starts_with(scheme)) target.remove_prefix(scheme.size());
  }
  if (target.starts_with("[::1]:") || target == "[::1]") return true;
  const std::string_view host = target.substr(0, target.rfind(':'));
  if (host == "localhost") return true;
  // 127.0.0.0/8, and not a name such as 127.example.org.
  return host.starts_with("127.") &&
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

// Null for plain text.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> TlsFor(const ClientOptions& options) {
  const bool names_files = !options.tls_ca_file.empty() || !options.tls_cert_file.empty() ||
                           !options.tls_key_file.empty();
  const bool loopback = IsLoopback(options.target);
  if (options.insecure_loopback && !loopback) {
    return Invalid("--insecure-loopback", options.target,
                   "a loopback address, such as 127.0.0.1:7420");
  }
  if (options.insecure_loopback || (loopback && !names_files)) return nullptr;
  if (options.tls_cert_file.empty() != options.tls_key_file.empty()) {
    return Invalid(options.tls_cert_file.empty() ? "--tls-cert" : "--tls-key", "nothing",
                   "both a certificate and its key, or neither");
  }
  grpc::SslCredentialsOptions tls;
  const auto load = [](std::string_view flag, const std::string& path,
                       std::string& out) -> absl::Status {
    if (path.empty()) return absl::OkStatus();
    absl::StatusOr<std::string> text = ReadSecret(flag, path);
    if (text.ok()) out = *std::move(text);
    return text.status();
  };
  if (absl::Status s = load("--tls-ca", options.tls_ca_file, tls.pem_root_certs); !s.ok()) return s;
  if (absl::Status s = load("--tls-cert", options.tls_cert_file, tls.pem_cert_chain); !s.ok())
    return s;
  if (absl::Status s = load("--tls-key", options.tls_key_file, tls.pem_private_key); !s.ok())
    return s;
  return grpc::SslCredentials(tls);
}

int ExitCodeFor(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::OUT_OF_RANGE:
      return kExitUsage;
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
    case grpc::StatusCode::CANCELLED:
      return kExitUnavailable;
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::UNKNOWN:
    case grpc::StatusCode::DATA_LOSS:
    case grpc::StatusCode::UNIMPLEMENTED:
      return kExitFault;
    default:
      return kExitRefused;
  }
}

// For statuses without a reason, from proxies or gRPC itself.
std::string_view NameOfCode(grpc::StatusCode code) {
  static constexpr std::string_view kNames[] = {"OK",
                                                "CANCELLED",
                                                "UNKNOWN",
                                                "INVALID_ARGUMENT",
                                                "DEADLINE_EXCEEDED",
                                                "NOT_FOUND",
                                                "ALREADY_EXISTS",
                                                "PERMISSION_DENIED",
                                                "RESOURCE_EXHAUSTED",
                                                "FAILED_PRECONDITION",
                                                "ABORTED",
                                                "OUT_OF_RANGE",
                                                "UNIMPLEMENTED",
                                                "INTERNAL",
                                                "UNAVAILABLE",
                                                "DATA_LOSS",
                                                "UNAUTHENTICATED"};
  return code >= 0 && static_cast<size_t>(code) < std::size(kNames) ? kNames[code] : "UNKNOWN";
}

std::string OneLine(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return text;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(ClientOptions& options) {
  if (options.deadline <= Span{})
    return Invalid("--deadline", Format(options.deadline), "more than 0s");
  options.target = std::string(Trim(options.target));
  options.token = std::string(Trim(options.token));
  const absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> tls = TlsFor(options);
  if (!tls.ok()) return tls.status();
  if (options.token.empty() && !options.token_file.empty()) {
    absl::StatusOr<std::string> text = ReadSecret("--token-file", options.token_file);
    if (!text.ok()) return text.status();
    options.token = std::string(Trim(*text));
  }
  // A line break or a character outside ASCII would fail the call with a far less readable error.
  for (const char c : options.token) {
    if (c < 0x21 || c > 0x7e)
      return Invalid("--token", "a character that is not printable", "one word of ASCII");
  }
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(64 << 20);  // A page of 1000 requests with their offers.
  // The default backoff would wait up to two minutes before it tries a restarted broker again.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  arguments.SetUserAgentPrefix("capbroker-cli");
  if (*tls != nullptr) return grpc::CreateCustomChannel(options.target, *tls, arguments);
  // A proxy of the environment (http_proxy) would be sent the token in plain text.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(options.target, grpc::InsecureChannelCredentials(), arguments);
}

std::unique_ptr<grpc::ClientContext> NewStream(const ClientOptions& options) {
  auto context = std::make_unique<grpc::ClientContext>();
  if (!options.token.empty()) context->AddMetadata("authorization", Cat("Bearer ", options.token));
  return context;
}

std::unique_ptr<grpc::ClientContext> NewContext(const ClientOptions& options) {
  std::unique_ptr<grpc::ClientContext> context = NewStream(options);
  context->set_deadline(std::chrono::system_clock::now() +
                        std::chrono::microseconds(options.deadline.micros));
  return context;
}

CallError Explain(const grpc::Status& status) {
  CallError out{.line = {}, .reason = {}, .exit_code = ExitCodeFor(status.error_code())};
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  std::string facts, fields, retry;
  if (details.ParseFromString(status.error_details())) {
    for (const google::protobuf::Any& any : details.details()) {
      google::rpc::BadRequest bad;
      google::rpc::RetryInfo after;
      if (any.UnpackTo(&info)) {
        for (const auto& [key, value] : std::map(info.metadata().begin(), info.metadata().end())) {
          facts += Cat(facts.empty() ? "" : ", ", key, " ", value);
        }
      } else if (any.UnpackTo(&bad)) {
        for (const auto& violation : bad.field_violations()) {
          // Some descriptions begin with the field already.
          const bool said = violation.description().starts_with(violation.field());
          fields += Cat(fields.empty() ? "" : "; ", said ? "" : violation.field() + ": ",
                        violation.description());
        }
      } else if (any.UnpackTo(&after)) {
        retry = Format(FromProto(after.retry_delay()));
      }
    }
  }
  out.reason = info.reason();
  out.line =
      Cat(out.reason.empty() ? NameOfCode(status.error_code()) : std::string_view(out.reason), ": ",
          fields.empty() ? status.error_message() : fields);
  if (!facts.empty()) out.line += Cat(" (", facts, ")");
  if (!retry.empty()) out.line += Cat("; try again after ", retry);
  out.line = OneLine(std::move(out.line));
  return out;
}

CallError Explain(const absl::Status& status) {
  return {OneLine(Cat(status.message())), ReasonOf(status),
          ExitCodeFor(static_cast<grpc::StatusCode>(status.code()))};
}

Instant LocalNow() {
  return {std::chrono::duration_cast<std::chrono::microseconds>(
              std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

}  // namespace capbroker
