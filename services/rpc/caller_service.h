// CallerService: tells a caller who it is.
#pragma once

#include "capbroker/v1/caller_service.grpc.pb.h"
#include "services/rpc/backend.h"

namespace capbroker {

class CallerService final : public v1::CallerService::CallbackService {
 public:
  explicit CallerService(Backend& backend) : backend_(backend) {}

 private:
  grpc::ServerUnaryReactor* GetCaller(grpc::CallbackServerContext* context,
                                      const v1::GetCallerRequest* in, v1::Caller* out) override;

  Backend& backend_;
};

}  // namespace capbroker
