// OfferService: providers read and answer the offers addressed to them.
#pragma once

#include "capbroker/v1/offer_service.grpc.pb.h"
#include "services/access/guard.h"
#include "services/rpc/backend.h"

namespace capbroker {

class OfferService final : public v1::OfferService::CallbackService {
 public:
  explicit OfferService(Backend& backend) : backend_(backend) {}

 private:
  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;

  Reactor* ListOffers(Context* context, const v1::ListOffersRequest* in,
                      v1::ListOffersResponse* out) override;
  Reactor* GetOffer(Context* context, const v1::GetOfferRequest* in, v1::Offer* out) override;
  grpc::ServerWriteReactor<v1::WatchOffersResponse>* WatchOffers(
      Context* context, const v1::WatchOffersRequest* in) override;
  Reactor* AcceptOffer(Context* context, const v1::AcceptOfferRequest* in, v1::Offer* out) override;
  Reactor* DeclineOffer(Context* context, const v1::DeclineOfferRequest* in,
                        v1::Offer* out) override;
  Reactor* CounterOffer(Context* context, const v1::CounterOfferRequest* in,
                        v1::Offer* out) override;
  Reactor* SubmitBid(Context* context, const v1::SubmitBidRequest* in, v1::Offer* out) override;
  Reactor* ConfirmAllocation(Context* context, const v1::ConfirmAllocationRequest* in,
                             v1::Allocation* out) override;
  Reactor* WithdrawAllocation(Context* context, const v1::WithdrawAllocationRequest* in,
                              v1::Allocation* out) override;
  Reactor* TollOffer(Context* context, const v1::TollOfferRequest* in, v1::Offer* out) override;
  Reactor* VoidOffer(Context* context, const v1::VoidOfferRequest* in, v1::Offer* out) override;

  Backend& backend_;
};

}  // namespace capbroker
