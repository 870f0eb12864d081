// Decode errors. A message that cannot be decoded (invalid bytes, text that is not UTF-8) never
// reaches a handler, and gRPC answers UNIMPLEMENTED, as if the method did not exist. An interceptor
// changes that to INVALID_ARGUMENT.
#pragma once

#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace capbroker {

absl::Status Unreadable();

// For ServerBuilder. `services` are full names; none of their methods returns UNIMPLEMENTED by
// itself. A method that does not exist is still answered with UNIMPLEMENTED.
std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
MakeInterceptors(const std::vector<std::string>& services);

}  // namespace capbroker
