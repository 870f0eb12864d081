// A message that cannot be read at all (broken bytes, text that is not UTF-8) never reaches a
// handler, and gRPC answers it UNIMPLEMENTED, as if the method were missing. Here it becomes what
// it is: INVALID_ARGUMENT.
#pragma once

#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace capbroker {

absl::Status Unreadable();

// For ServerBuilder. Of the methods of `services` (full names) none answers UNIMPLEMENTED by
// itself; what else is called does not exist, and is told so.
std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
MakeInterceptors(const std::vector<std::string>& services);

}  // namespace capbroker
