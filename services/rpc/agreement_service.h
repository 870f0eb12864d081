// AgreementService: what binds owners to providers, recorded by operators and read by both parties.
#pragma once

#include "capbroker/v1/agreement_service.grpc.pb.h"
#include "services/rpc/backend.h"
#include "services/rpc/call.h"

namespace capbroker {

class AgreementService final : public v1::AgreementService::CallbackService {
 public:
  explicit AgreementService(Backend& backend) : backend_(backend) {}

 private:
  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;

  Reactor* CreateAgreement(Context* context, const v1::CreateAgreementRequest* in,
                           v1::Agreement* out) override;
  Reactor* GetAgreement(Context* context, const v1::GetAgreementRequest* in, v1::Agreement* out) override;
  Reactor* ListAgreements(Context* context, const v1::ListAgreementsRequest* in,
                          v1::ListAgreementsResponse* out) override;
  Reactor* AmendAgreement(Context* context, const v1::AmendAgreementRequest* in, v1::Agreement* out) override;
  Reactor* ListAgreementVersions(Context* context, const v1::ListAgreementVersionsRequest* in,
                                 v1::ListAgreementVersionsResponse* out) override;

  // The agreement as the outcome left it; where nothing had to change, as it is.
  absl::Status RenderOutcome(const AgreementName& name, const Outcome& outcome, v1::Agreement* out);

  Backend& backend_;
};

}  // namespace capbroker
