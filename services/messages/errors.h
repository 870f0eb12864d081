// The one place where a refusal of ours becomes a status of gRPC's, with the details that programs
// go by.
#pragma once

#include <google/rpc/status.pb.h>
#include <grpcpp/support/status.h>

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace capbroker {

// One malformed field of a message.
struct Violation {
  std::string field;
  std::string description;  // "got ..., want ..."
};

// INVALID_ARGUMENT (INVALID_FIELD) for one field or several. Of one: the same as Invalid(field,
// got, want).
absl::Status InvalidFields(const std::vector<Violation>& violations);

// What InvalidFields or Invalid put in; empty where the status has none.
std::vector<Violation> ViolationsOf(const absl::Status& status);

// The same status with every field standing under `path`: what Decide calls "terms.end_time" is, to
// the caller, "capacity_request.terms.end_time". Statuses without fields stay as they are.
absl::Status Under(const std::string& path, const absl::Status& status);

// The reason as the API spells it (error_reason.proto, without its prefix), which every refusal
// has.
std::string ApiReasonOf(const absl::Status& status);

// With google.rpc.ErrorInfo; BadRequest where fields are at fault; RetryInfo where repeating may
// help. What went wrong inside the broker is not told: it is in the log.
grpc::Status ToGrpc(const absl::Status& status);
// The same as a message, which ToGrpc puts into the call's trailer. Not for OK.
google::rpc::Status ToRpc(const absl::Status& status);
grpc::StatusCode CodeOf(const absl::Status& status);  // Of either.

}  // namespace capbroker
