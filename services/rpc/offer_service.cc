#include "services/rpc/offer_service.h"

#include <algorithm>
#include <utility>

#include "services/messages/errors.h"
#include "services/messages/render.h"
#include "services/rpc/obey.h"
#include "services/rpc/reading.h"
#include "services/rpc/watch.h"

namespace capbroker {

grpc::ServerUnaryReactor* OfferService::ListOffers(Context* context,
                                                   const v1::ListOffersRequest* in,
                                                   v1::ListOffersResponse* out) {
  auto* call = new Call(backend_, context, Method::kListOffers);
  absl::StatusOr<OffersQuery> query = call->Admit(*in);
  if (!query.ok()) return call->End(query.status());
  return call->Read([=, this, query = *std::move(query)]() -> absl::Status {
    const Instant now = backend_.clock.Now();
    std::string token = query.page.token;
    for (uint32_t left = query.page.size; left > 0 && out->ByteSizeLong() < kMessageBytes;) {
      const absl::StatusOr<Page<OfferRow>> page = backend_.ledger.ListOffers(
          {query.provider, query.states}, std::min(left, kRowsAtOnce), token);
      if (!page.ok()) return page.status();
      const absl::StatusOr<std::vector<OfferOf>> offers = ReadOffers(backend_.ledger, page->items);
      if (!offers.ok()) return offers.status();
      for (const OfferOf& found : *offers)
        Render(found.owner, *found.request, *found.offer, now, ViewerOf(call->caller()),
               out->add_offers());
      token = page->next;
      if (token.empty()) break;
      left -= std::min<uint32_t>(left, static_cast<uint32_t>(page->items.size()));
    }
    out->set_next_page_token(token);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* OfferService::GetOffer(Context* context, const v1::GetOfferRequest* in,
                                                 v1::Offer* out) {
  auto* call = new Call(backend_, context, Method::kGetOffer);
  const absl::StatusOr<OfferName> name = call->Admit(*in);
  if (!name.ok()) return call->End(name.status());
  return call->Read([=, this, name = *name]() -> absl::Status {
    const absl::StatusOr<RequestBook> request =
        ReadRequest(backend_.ledger, {name.owner, name.request});
    if (!request.ok())
      return request.status().code() == absl::StatusCode::kNotFound ? NoSuch(FullName(name))
                                                                    : request.status();
    const Offer* offer = request->Find(name.number);
    const bool addressee = call->caller().role != Role::kProvider ||
                           (offer != nullptr && offer->provider.value == call->caller().name);
    if (offer == nullptr || !addressee) return NoSuch(FullName(name));
    Render(name.owner, *request, *offer, backend_.clock.Now(), ViewerOf(call->caller()), out);
    return absl::OkStatus();
  });
}

grpc::ServerWriteReactor<v1::WatchOffersResponse>* OfferService::WatchOffers(
    Context* context, const v1::WatchOffersRequest* in) {
  return Stream<v1::WatchOffersResponse>::Open(
      backend_, context, Method::kWatchOffers, *in,
      [this](DeskQuery query, const Actor& caller, Subscription::Wake wake) {
        return std::make_unique<OfferWatch>(backend_, std::move(query.provider), ViewerOf(caller),
                                            0, std::move(wake));
      });
}

grpc::ServerUnaryReactor* OfferService::AcceptOffer(Context* context,
                                                    const v1::AcceptOfferRequest* in,
                                                    v1::Offer* out) {
  return Obey(backend_, context, Method::kAcceptOffer, *in, out);
}

grpc::ServerUnaryReactor* OfferService::DeclineOffer(Context* context,
                                                     const v1::DeclineOfferRequest* in,
                                                     v1::Offer* out) {
  return Obey(backend_, context, Method::kDeclineOffer, *in, out);
}

grpc::ServerUnaryReactor* OfferService::CounterOffer(Context* context,
                                                     const v1::CounterOfferRequest* in,
                                                     v1::Offer* out) {
  return Obey(backend_, context, Method::kCounterOffer, *in, out);
}

grpc::ServerUnaryReactor* OfferService::SubmitBid(Context* context, const v1::SubmitBidRequest* in,
                                                  v1::Offer* out) {
  return Obey(backend_, context, Method::kSubmitBid, *in, out);
}

grpc::ServerUnaryReactor* OfferService::ConfirmAllocation(Context* context,
                                                          const v1::ConfirmAllocationRequest* in,
                                                          v1::Allocation* out) {
  return Obey(backend_, context, Method::kConfirmAllocation, *in, out);
}

grpc::ServerUnaryReactor* OfferService::WithdrawAllocation(Context* context,
                                                           const v1::WithdrawAllocationRequest* in,
                                                           v1::Allocation* out) {
  return Obey(backend_, context, Method::kWithdrawAllocation, *in, out);
}

grpc::ServerUnaryReactor* OfferService::TollOffer(Context* context, const v1::TollOfferRequest* in,
                                                  v1::Offer* out) {
  return Obey(backend_, context, Method::kTollOffer, *in, out);
}

grpc::ServerUnaryReactor* OfferService::VoidOffer(Context* context, const v1::VoidOfferRequest* in,
                                                  v1::Offer* out) {
  return Obey(backend_, context, Method::kVoidOffer, *in, out);
}

}  // namespace capbroker
