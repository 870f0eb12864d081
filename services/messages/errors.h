// Mapping of refusals to gRPC statuses with error details: the only such mapping.
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

// INVALID_ARGUMENT (INVALID_FIELD) for one or several fields. For one field it equals
// Invalid(field, got, want).
absl::Status InvalidFields(const std::vector<Violation>& violations);

// The violations of an InvalidFields or Invalid status; empty for others.
std::vector<Violation> ViolationsOf(const absl::Status& status);

// The same status with every field under `path`: Decide's "terms.end_time" is
// "capacity_request.terms.end_time" to the caller. Statuses without fields are unchanged.
absl::Status Under(const std::string& path, const absl::Status& status);

// The reason as the API spells it (error_reason.proto, without its prefix). Every refusal has one.
std::string ApiReasonOf(const absl::Status& status);

// Adds google.rpc.ErrorInfo, BadRequest for invalid fields, and RetryInfo where a retry may help.
// Internal faults are not described: the log has them.
grpc::Status ToGrpc(const absl::Status& status);
// The same as a message, which ToGrpc puts into the call's trailer. `status` is not OK.
google::rpc::Status ToRpc(const absl::Status& status);
grpc::StatusCode CodeOf(const absl::Status& status);  // Of ToGrpc and ToRpc.

}  // namespace capbroker
