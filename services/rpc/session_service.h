// SessionService: bidirectional streams for owners and providers with many commands.
#pragma once

#include "capbroker/v1/session_service.grpc.pb.h"
#include "services/rpc/backend.h"

namespace capbroker {

class SessionService final
    : public v1::SessionService::WithRawCallbackMethod_OwnerSession<
          v1::SessionService::WithRawCallbackMethod_ProviderSession<v1::SessionService::Service>> {
 public:
  explicit SessionService(Backend& backend) : backend_(backend) {}

 private:
  using Reactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

  Reactor* OwnerSession(grpc::CallbackServerContext* context) override;
  Reactor* ProviderSession(grpc::CallbackServerContext* context) override;

  Backend& backend_;
};

}  // namespace capbroker
