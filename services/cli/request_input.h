// A request as people write it, in flags or in a YAML file, before it is one of the API.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/values/request.h"
#include "capbroker/v1/capacity_request.pb.h"
#include "services/cli/field_flags.h"

namespace capbroker {

// A request's fields, and what stands for a single segment and for its lists.
struct RequestForm {
  Request request{};
  std::string workload_class{}, purpose{};  // Of the whole quantity, where there are no segments.
  std::vector<std::string> segments{};      // "CLASS:PURPOSE:QUANTITY" or "CLASS:QUANTITY".
  std::vector<std::string> labels{};        // "key=value".
  static void Fields(auto& self, auto&& field) {
    field("labels", self.labels);
    field("purpose", self.purpose);
    field("request", self.request);
    field("segments", self.segments);
    field("workload_class", self.workload_class);
  }
};

void AddRequestFlags(CLI::App& verb, std::vector<Written>& out);

// `now` is for times such as "+36h".
//
// INVALID_ARGUMENT  as in yaml.h.
absl::StatusOr<RequestForm> ReadRequest(std::string_view file, std::string_view text, Instant now);
absl::StatusOr<RequestForm> LoadRequest(const std::string& path, Instant now);

// What the flags say, in place of what the form says of the same.
//
// INVALID_ARGUMENT  "--quantity: got ..., want ...".
absl::StatusOr<RequestForm> WithFlags(RequestForm form, const std::vector<Written>& flags,
                                      Instant now);

// The message.
//
// INVALID_ARGUMENT  "--region: got nothing, want ...": what is missing, or at odds with itself.
//                   Limits are the broker's to check.
absl::StatusOr<v1::CapacityRequest> BuildRequest(const RequestForm& form);

}  // namespace capbroker
