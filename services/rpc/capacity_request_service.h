// CapacityRequestService: requests of owners, their plans and watches.
#pragma once

#include "capbroker/v1/capacity_request_service.grpc.pb.h"
#include "services/access/guard.h"
#include "services/rpc/backend.h"

namespace capbroker {

class CapacityRequestService final : public v1::CapacityRequestService::CallbackService {
 public:
  explicit CapacityRequestService(Backend& backend) : backend_(backend) {}

 private:
  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;

  Reactor* CreateCapacityRequest(Context* context, const v1::CreateCapacityRequestRequest* in,
                                 v1::CapacityRequest* out) override;
  Reactor* GetCapacityRequest(Context* context, const v1::GetCapacityRequestRequest* in,
                              v1::CapacityRequest* out) override;
  Reactor* ListCapacityRequests(Context* context, const v1::ListCapacityRequestsRequest* in,
                                v1::ListCapacityRequestsResponse* out) override;
  Reactor* CancelCapacityRequest(Context* context, const v1::CancelCapacityRequestRequest* in,
                                 v1::CapacityRequest* out) override;
  Reactor* AmendCapacityRequest(Context* context, const v1::AmendCapacityRequestRequest* in,
                                v1::CapacityRequest* out) override;
  grpc::ServerWriteReactor<v1::WatchCapacityRequestsResponse>* WatchCapacityRequests(
      Context* context, const v1::WatchCapacityRequestsRequest* in) override;
  Reactor* PlanCapacityRequest(Context* context, const v1::PlanCapacityRequestRequest* in,
                               v1::Plan* out) override;
  Reactor* ExtendOffer(Context* context, const v1::ExtendOfferRequest* in, v1::Offer* out) override;
  Reactor* AcceptCounter(Context* context, const v1::AcceptCounterRequest* in,
                         v1::Offer* out) override;
  Reactor* LeaveCounter(Context* context, const v1::LeaveCounterRequest* in,
                        v1::Offer* out) override;
  Reactor* ReleaseAllocation(Context* context, const v1::ReleaseAllocationRequest* in,
                             v1::Allocation* out) override;

  Backend& backend_;
};

}  // namespace capbroker
