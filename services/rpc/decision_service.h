// DecisionService: lists the trail and exports evidence.
#pragma once

#include "capbroker/v1/decision_service.grpc.pb.h"
#include "services/rpc/backend.h"

namespace capbroker {

class DecisionService final : public v1::DecisionService::CallbackService {
 public:
  explicit DecisionService(Backend& backend) : backend_(backend) {}

 private:
  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;

  Reactor* ListDecisions(Context* context, const v1::ListDecisionsRequest* in,
                         v1::ListDecisionsResponse* out) override;
  grpc::ServerWriteReactor<v1::ExportEvidenceResponse>* ExportEvidence(
      Context* context, const v1::ExportEvidenceRequest* in) override;
  Reactor* GetCheckpoint(Context* context, const v1::GetCheckpointRequest* in,
                         v1::Checkpoint* out) override;

  Backend& backend_;
};

}  // namespace capbroker
