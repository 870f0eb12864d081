// SessionService: owners and desks with much to say.
#pragma once

#include "capbroker/v1/session_service.grpc.pb.h"
#include "services/rpc/backend.h"

namespace capbroker {

class SessionService final : public v1::SessionService::CallbackService {
 public:
  explicit SessionService(Backend& backend) : backend_(backend) {}

 private:
  grpc::ServerBidiReactor<v1::OwnerSessionRequest, v1::OwnerSessionResponse>* OwnerSession(
      grpc::CallbackServerContext* context) override;
  grpc::ServerBidiReactor<v1::ProviderSessionRequest, v1::ProviderSessionResponse>* ProviderSession(
      grpc::CallbackServerContext* context) override;

  Backend& backend_;
};

}  // namespace capbroker
