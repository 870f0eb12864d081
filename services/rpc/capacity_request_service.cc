#include "services/rpc/capacity_request_service.h"

#include <openssl/rand.h>

#include <algorithm>
#include <utility>

#include "broker/plan.h"
#include "services/rpc/call.h"
#include "services/rpc/errors.h"
#include "services/rpc/reading.h"
#include "services/rpc/render.h"
#include "services/rpc/watch.h"

namespace capbroker {
namespace {

constexpr char kRequestField[] = "capacity_request";  // Decide's fields stand under it.

RequestId NewRequestId(Instant now) {
  std::array<uint64_t, 2> random{};
  RAND_bytes(reinterpret_cast<unsigned char*>(random.data()), sizeof random);
  return MakeRequestId(now, random);
}

}  // namespace

grpc::ServerUnaryReactor* CapacityRequestService::CreateCapacityRequest(
    Context* context, const v1::CreateCapacityRequestRequest* in, v1::CapacityRequest* out) {
  auto* call = new Call(backend_, context, Method::kCreateCapacityRequest);
  absl::StatusOr<Command> command = call->Admit(*in);
  if (!command.ok()) return call->End(command.status());
  std::get<CreateRequest>(command->what).request.id = NewRequestId(backend_.clock.Now());
  const OwnerId owner = command->owner;
  return call->Submit(*std::move(command), *in, [=, this](absl::StatusOr<Outcome> outcome) -> absl::Status {
    if (!outcome.ok()) return Under(kRequestField, outcome.status());
    Render(owner, *outcome->request, backend_.clock.Now(), out);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* CapacityRequestService::GetCapacityRequest(Context* context,
                                                                     const v1::GetCapacityRequestRequest* in,
                                                                     v1::CapacityRequest* out) {
  auto* call = new Call(backend_, context, Method::kGetCapacityRequest);
  const absl::StatusOr<RequestName> name = call->Admit(*in);
  if (!name.ok()) return call->End(name.status());
  return call->Read([=, this, name = *name]() -> absl::Status {
    const absl::StatusOr<RequestBook> request = ReadRequest(backend_.ledger, name);
    if (!request.ok()) return request.status();
    Render(name.owner, *request, backend_.clock.Now(), out);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* CapacityRequestService::ListCapacityRequests(
    Context* context, const v1::ListCapacityRequestsRequest* in, v1::ListCapacityRequestsResponse* out) {
  auto* call = new Call(backend_, context, Method::kListCapacityRequests);
  absl::StatusOr<RequestsQuery> query = call->Admit(*in);
  if (!query.ok()) return call->End(query.status());
  return call->Read([=, this, query = *std::move(query)]() -> absl::Status {
    const Instant now = backend_.clock.Now();
    std::string token = query.page.token;
    for (uint32_t left = query.page.size; left > 0 && out->ByteSizeLong() < kMessageBytes;) {
      const absl::StatusOr<Page<RequestRow>> page =
          backend_.ledger.ListRequests({query.owner, query.states}, std::min(left, kRowsAtOnce), token);
      if (!page.ok()) return page.status();
      std::vector<std::pair<OwnerId, RequestId>> names;
      for (const RequestRow& row : page->items) names.emplace_back(row.owner, row.request);
      const absl::StatusOr<std::vector<OwnedRequest>> requests = ReadRequests(backend_.ledger, names);
      if (!requests.ok()) return requests.status();
      for (const auto& [owner, request] : *requests)
        Render(owner, request, now, out->add_capacity_requests());
      token = page->next;
      if (token.empty()) break;
      left -= std::min<uint32_t>(left, static_cast<uint32_t>(page->items.size()));
    }
    out->set_next_page_token(token);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* CapacityRequestService::CancelCapacityRequest(
    Context* context, const v1::CancelCapacityRequestRequest* in, v1::CapacityRequest* out) {
  auto* call = new Call(backend_, context, Method::kCancelCapacityRequest);
  absl::StatusOr<Command> command = call->Admit(*in);
  if (!command.ok()) return call->End(command.status());
  const OwnerId owner = command->owner;
  return call->Submit(*std::move(command), *in, [=, this](absl::StatusOr<Outcome> outcome) -> absl::Status {
    if (!outcome.ok()) return outcome.status();
    Render(owner, *outcome->request, backend_.clock.Now(), out);
    return absl::OkStatus();
  });
}

grpc::ServerWriteReactor<v1::WatchCapacityRequestsResponse>* CapacityRequestService::WatchCapacityRequests(
    Context* context, const v1::WatchCapacityRequestsRequest* in) {
  return Stream<v1::WatchCapacityRequestsResponse>::Open(
      backend_, context, Method::kWatchCapacityRequests, *in,
      [this](WatchQuery query, Subscription::Wake wake) {
        return std::make_unique<RequestWatch>(backend_, std::move(query), std::move(wake));
      });
}

grpc::ServerUnaryReactor* CapacityRequestService::PlanCapacityRequest(
    Context* context, const v1::PlanCapacityRequestRequest* in, v1::Plan* out) {
  auto* call = new Call(backend_, context, Method::kPlanCapacityRequest);
  absl::StatusOr<PlanQuery> query = call->Admit(*in);
  if (!query.ok()) return call->End(query.status());
  const Instant now = backend_.clock.Now();
  query->request.id = NewRequestId(now);
  const OwnerId owner = query->owner;
  backend_.sequencer.ReadAccount(owner, [=, this, request = std::move(query->request)](
                                            absl::StatusOr<std::shared_ptr<const Account>> account) mutable {
    if (!account.ok()) return (void)call->End(account.status());
    // Planning takes its time, which the sequencer's thread has not got.
    call->Read([=, this, request = std::move(request), account = *std::move(account)]() -> absl::Status {
      const absl::StatusOr<std::shared_ptr<const Directory>> directory = backend_.registry.Read();
      if (!directory.ok()) return directory.status();
      const absl::StatusOr<Plan> plan =
          PlanRequest(owner, request, account == nullptr ? Account{} : *account, **directory, now);
      if (!plan.ok()) return Under(kRequestField, plan.status());
      Render(owner, request, *plan, out);
      return absl::OkStatus();
    });
  });
  return call;
}

grpc::ServerUnaryReactor* CapacityRequestService::ExtendOffer(Context* context,
                                                              const v1::ExtendOfferRequest* in,
                                                              v1::Offer* out) {
  auto* call = new Call(backend_, context, Method::kExtendOffer);
  absl::StatusOr<Command> command = call->Admit(*in);
  if (!command.ok()) return call->End(command.status());
  const OwnerId owner = command->owner;
  const uint32_t number = std::get<capbroker::ExtendOffer>(command->what).offer;
  return call->Submit(*std::move(command), *in, [=, this](absl::StatusOr<Outcome> outcome) -> absl::Status {
    if (!outcome.ok()) return outcome.status();
    Render(owner, *outcome->request, *outcome->request->Find(number), backend_.clock.Now(), out);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* CapacityRequestService::ReleaseAllocation(Context* context,
                                                                    const v1::ReleaseAllocationRequest* in,
                                                                    v1::Allocation* out) {
  auto* call = new Call(backend_, context, Method::kReleaseAllocation);
  absl::StatusOr<Command> command = call->Admit(*in);
  if (!command.ok()) return call->End(command.status());
  const OwnerId owner = command->owner;
  const uint32_t number = std::get<capbroker::ReleaseAllocation>(command->what).offer;
  return call->Submit(*std::move(command), *in, [=](absl::StatusOr<Outcome> outcome) -> absl::Status {
    if (!outcome.ok()) return outcome.status();
    Render(owner, *outcome->request, *outcome->request->Find(number), out);
    return absl::OkStatus();
  });
}

}  // namespace capbroker
