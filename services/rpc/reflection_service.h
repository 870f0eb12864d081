// grpc.reflection.v1alpha: describes the API to tools that have no copy of it. The service that
// gRPC brings along keeps a thread for each caller, as long as that one likes, and cannot be left
// out once it is linked.
#pragma once

#include <string>
#include <vector>

#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "services/edge/quota.h"

namespace capbroker {

// Anybody may ask: streams of one connection, and in all.
inline constexpr size_t kMostReflectionStreamsOfConnection = 4, kMostReflectionStreams = 100;

class ReflectionService final
    : public grpc::reflection::v1alpha::ServerReflection::CallbackService {
 public:
  // Full names of the services to be listed.
  explicit ReflectionService(std::vector<std::string> services) : services_(std::move(services)) {}

 private:
  class Stream;

  grpc::ServerBidiReactor<grpc::reflection::v1alpha::ServerReflectionRequest,
                          grpc::reflection::v1alpha::ServerReflectionResponse>*
  ServerReflectionInfo(grpc::CallbackServerContext* context) override;

  const std::vector<std::string> services_;
  Quota streams_{kMostReflectionStreams, kMostReflectionStreamsOfConnection};
};

}  // namespace capbroker
