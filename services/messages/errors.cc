#include "services/messages/errors.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

constexpr char kDomain[] = "capbroker.v1";
constexpr int kRetryDelaySeconds = 1;
constexpr char kOthers[] = "capbroker/other_fields";  // field NUL description NUL ...

// General reasons of Decide, and statuses without a reason of their own.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kApiWords = {{
    {"PERMISSION_DENIED", "NOT_PERMITTED"},
    {"NOT_FOUND", "RESOURCE_NOT_FOUND"},
    {"ALREADY_EXISTS", "RESOURCE_EXISTS"},
    {"ALLOCATION_NOT_CONFIRMED", "ALLOCATION_CLOSED"},
    {"ALLOCATION_NOT_HELD", "ALLOCATION_CLOSED"},
}};

std::string_view DefaultReason(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return "INVALID_FIELD";
    case absl::StatusCode::kUnauthenticated:
      return "NO_IDENTITY";
    case absl::StatusCode::kPermissionDenied:
      return "NOT_PERMITTED";
    case absl::StatusCode::kNotFound:
      return "RESOURCE_NOT_FOUND";
    case absl::StatusCode::kAlreadyExists:
      return "RESOURCE_EXISTS";
    case absl::StatusCode::kUnavailable:
      return "LEDGER_UNAVAILABLE";
    case absl::StatusCode::kResourceExhausted:
      return "OVERLOADED";
    default:
      return "BROKER_FAULT";
  }
}

// Codes that callers can act on. Others are faults of the broker.
bool IsForCallers(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kDeadlineExceeded:
      return true;
    default:
      return false;
  }
}

// gRPC sends the message and, in base64, the details as trailers, of which some clients take 8 KiB
// in all and refuse the call as RESOURCE_EXHAUSTED past it.
constexpr size_t kMostMessageBytes = 900;  // Percent-encoding may treble a byte outside ASCII.
constexpr size_t kMostDetailsBytes = 4'000;
constexpr size_t kMostFactBytes = 400;
constexpr std::string_view kMore = " (and more than fits here)";

// At most `most` bytes, whole characters.
std::string Cut(std::string_view text, size_t most) {
  if (text.size() <= most) return std::string(text);
  size_t end = most - kMore.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return Cat(text.substr(0, end), kMore);
}

// How many bytes `text` has as the value of grpc-message.
size_t EncodedSize(std::string_view text) {
  size_t size = 0;
  for (const char c : text) size += c >= 0x20 && c < 0x7f && c != '%' ? 1 : 3;
  return size;
}

std::string MessageOf(std::string_view text) {
  std::string message = Cut(text, kMostMessageBytes);
  if (EncodedSize(message) > 2 * kMostMessageBytes) message = Cut(text, kMostMessageBytes / 2);
  return message;
}

google::rpc::Status Details(const absl::Status& status) {
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(MessageOf(View(status.message())));
  google::rpc::ErrorInfo info;
  info.set_reason(ApiReasonOf(status));
  info.set_domain(kDomain);
  for (const auto& [name, value] : FactsOf(status))
    (*info.mutable_metadata())[name] = Cut(value, kMostFactBytes);
  details.add_details()->PackFrom(info);
  if (status.code() == absl::StatusCode::kUnavailable ||
      status.code() == absl::StatusCode::kResourceExhausted) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(kRetryDelaySeconds);
    details.add_details()->PackFrom(retry);
  }
  if (const std::vector<Violation> violations = ViolationsOf(status); !violations.empty()) {
    google::rpc::BadRequest bad;
    for (const Violation& violation : violations) {
      auto* added = bad.add_field_violations();
      added->set_field(Cut(violation.field, kMostFactBytes));
      added->set_description(Cut(violation.description, kMostFactBytes));
      if (details.ByteSizeLong() + bad.ByteSizeLong() <= kMostDetailsBytes) continue;
      // As many as fit, and at least one.
      if (bad.field_violations_size() > 1) bad.mutable_field_violations()->RemoveLast();
      *bad.mutable_field_violations()->rbegin()->mutable_description() += kMore;
      break;
    }
    details.add_details()->PackFrom(bad);
  }
  return details;
}

}  // namespace

absl::Status InvalidFields(const std::vector<Violation>& violations) {
  std::string message, others;
  for (const Violation& violation : violations) {
    message += Cat(message.empty() ? "" : "; ", violation.field, ": ", violation.description);
    if (&violation == &violations.front()) continue;
    others.append(violation.field).append(1, '\0').append(violation.description).append(1, '\0');
  }
  // Has the field and reason of Invalid; gets the complete message below.
  const absl::Status first = Invalid(violations.front().field, "", "");
  absl::Status status(first.code(), message);
  first.ForEachPayload(
      [&](absl::string_view type, const absl::Cord& payload) { status.SetPayload(type, payload); });
  if (!others.empty()) status.SetPayload(kOthers, absl::Cord(others));
  return status;
}

std::vector<Violation> ViolationsOf(const absl::Status& status) {
  const std::string field = FieldOf(status);
  if (field.empty()) return {};
  std::string description(View(status.message()));
  if (description.starts_with(field + ": ")) description.erase(0, field.size() + 2);
  std::vector<Violation> violations = {{field, description}};
  const auto payload = status.GetPayload(kOthers);
  if (!payload.has_value()) return violations;
  const std::string others(*payload);
  const std::vector<std::string_view> parts = Split(others, '\0');
  size_t length = 0;  // The length of the message about the other violations.
  for (size_t i = 0; i + 1 < parts.size(); i += 2) {
    violations.push_back({std::string(parts[i]), std::string(parts[i + 1])});
    length += 2 + parts[i].size() + 2 + parts[i + 1].size();
  }
  violations.front().description.resize(description.size() - std::min(length, description.size()));
  return violations;
}

absl::Status Under(const std::string& path, const absl::Status& status) {
  std::vector<Violation> violations = ViolationsOf(status);
  if (violations.empty()) return status;
  for (Violation& violation : violations) violation.field = Cat(path, ".", violation.field);
  return InvalidFields(violations);
}

std::string ApiReasonOf(const absl::Status& status) {
  if (!IsForCallers(status.code())) return "BROKER_FAULT";
  std::string reason = ReasonOf(status);
  if (reason.empty()) return std::string(DefaultReason(status.code()));
  for (const auto& [from, to] : kApiWords) {
    if (reason == from) return std::string(to);
  }
  return reason;
}

google::rpc::Status ToRpc(const absl::Status& status) {
  return Details(IsForCallers(status.code())
                     ? status
                     : absl::InternalError("the broker is at fault; its log says how"));
}

grpc::StatusCode CodeOf(const absl::Status& status) {
  if (status.ok()) return grpc::StatusCode::OK;
  return IsForCallers(status.code()) ? static_cast<grpc::StatusCode>(status.code())
                                     : grpc::StatusCode::INTERNAL;
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const google::rpc::Status details = ToRpc(status);
  return grpc::Status(static_cast<grpc::StatusCode>(details.code()), details.message(),
                      details.SerializeAsString());
}

}  // namespace capbroker
