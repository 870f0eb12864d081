// A message that cannot be read at all (broken bytes, text that is not UTF-8) never reaches a handler, and
// gRPC answers it UNIMPLEMENTED, as if the method were missing. Here it becomes what it is: INVALID_ARGUMENT.
#pragma once

#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <vector>

namespace capbroker {

// For ServerBuilder. Sees only methods that exist, and of ours none answers UNIMPLEMENTED by itself.
std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> MakeInterceptors();

}  // namespace capbroker
