// ProviderService: the registry of providers, maintained by operators.
#pragma once

#include "capbroker/v1/provider_service.grpc.pb.h"
#include "services/messages/render.h"
#include "services/rpc/backend.h"
#include "services/rpc/call.h"

namespace capbroker {

class ProviderService final : public v1::ProviderService::CallbackService {
 public:
  explicit ProviderService(Backend& backend) : backend_(backend) {}

 private:
  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;

  Reactor* RegisterProvider(Context* context, const v1::RegisterProviderRequest* in,
                            v1::Provider* out) override;
  Reactor* GetProvider(Context* context, const v1::GetProviderRequest* in,
                       v1::Provider* out) override;
  Reactor* ListProviders(Context* context, const v1::ListProvidersRequest* in,
                         v1::ListProvidersResponse* out) override;
  Reactor* UpdateProvider(Context* context, const v1::UpdateProviderRequest* in,
                          v1::Provider* out) override;
  Reactor* SuspendProvider(Context* context, const v1::SuspendProviderRequest* in,
                           v1::Provider* out) override;
  Reactor* ResumeProvider(Context* context, const v1::ResumeProviderRequest* in,
                          v1::Provider* out) override;
  Reactor* ReportHealth(Context* context, const v1::ReportHealthRequest* in,
                        v1::Provider* out) override;

  // Submits the command, and ends the call with the provider as it is after it.
  template <class In>
  Reactor* Change(Call* call, Command command, const ProviderId& provider, const In& in,
                  v1::Provider* out);

  Backend& backend_;
};

}  // namespace capbroker
