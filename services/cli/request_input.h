// A request as people write it, in flags or in a YAML file, before it is one of the API.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/values/time.h"
#include "capbroker/v1/capacity_request.pb.h"

namespace capbroker {

// A text, and what an error about it calls it: "--quantity", or "request.yaml:3:11: quantity".
struct Written {
  std::string text{};
  std::string origin{};
};

struct RequestInput {
  Written resource{}, region{}, quantity{}, unit{}, start{}, end{}, price{}, price_cap{},
      availability{};
  Written workload_class{}, purpose{};  // Of the whole quantity, where there are no segments.
  Written smallest{}, step_window{}, needed_by{}, expire{};
  Written fallback{}, fan_out{}, confirm_within{}, withdraw_notice{};
  Written splittable{}, renewal{}, accept_late{};  // "true", "false".
  std::vector<Written> segments{};                 // "CLASS:PURPOSE:QUANTITY" or "CLASS:QUANTITY".
  std::vector<Written> providers{};                // In rank order.
  std::vector<Written> conditions{};
  std::vector<Written> labels{};  // "key=value".
};

// What `file` says is taken where `flags` say nothing.
RequestInput Merge(RequestInput flags, const RequestInput& file);

// INVALID_ARGUMENT as in yaml.h.
absl::StatusOr<RequestInput> ReadRequest(std::string_view file, std::string_view text);
absl::StatusOr<RequestInput> LoadRequest(const std::string& path);

// The message, with everything parsed; `now` is for times such as "+36h".
//
// INVALID_ARGUMENT  "ORIGIN: got ..., want ...", or what is missing. Limits are the broker's to
// check.
absl::StatusOr<v1::CapacityRequest> BuildRequest(const RequestInput& input, Instant now);

}  // namespace capbroker
