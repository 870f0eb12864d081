#include "services/rpc/capacity_request_service.h"

#include <algorithm>
#include <utility>

#include "broker/deciding/decide.h"
#include "broker/deciding/plan.h"
#include "broker/trail/fold.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/messages/errors.h"
#include "services/messages/render.h"
#include "services/rpc/obey.h"
#include "services/rpc/reading.h"
#include "services/rpc/watch.h"

namespace capbroker {
namespace {

constexpr char kRequestField[] = "capacity_request";  // The field that contains Decide's fields.

// The drafts as the commands of an operator who records them.
absl::StatusOr<std::vector<Command>> Activations(const PlanQuery& query, const Account& account,
                                                 Instant now) {
  std::vector<Command> commands;
  for (size_t i = 0; i < query.drafts.size(); ++i) {
    AgreementVersion version = query.drafts[i];
    const std::string field = Cat("agreement_drafts[", i, "]");
    const AgreementVersion* latest = account.Latest(version.agreement);
    if (version.holder.empty() && latest == nullptr) {
      return Invalid(Cat(field, ".holder"), "nothing",
                     "the holder: there is no such agreement yet");
    }
    if (version.holder.empty()) version.holder = latest->holder;
    if (!version.effective_from.IsSet()) version.effective_from = now;
    version.version = latest == nullptr ? 1 : latest->version + 1;
    if (absl::Status status = Validate(version); !status.ok()) {
      return Under(Cat(field, ".version"), status);
    }
    commands.push_back(
        {query.owner, {Role::kOperator, "plan"}, ActivateAgreement{std::move(version)}});
  }
  return commands;
}

// The account with the drafts recorded.
absl::StatusOr<Account> WithDrafts(const PlanQuery& query, const Account& account,
                                   const Directory& directory,
                                   const std::vector<Command>& activations, Instant now) {
  Book book;
  book.owner = query.owner;
  book.account = account;
  for (const Command& command : activations) {
    absl::StatusOr<Verdict> verdict = Decide(book, directory, command, now);
    if (!verdict.ok()) return Under("agreement_drafts.version", verdict.status());
    if (absl::Status status = Fold(book, {query.owner,
                                          book.sequence + 1,
                                          now,
                                          command.actor,
                                          {},
                                          std::move(verdict->decisions)});
        !status.ok())
      return status;
  }
  return std::move(book.account);
}

// Plans a recorded request from its present state.
absl::Status ExplainKnown(const PlanQuery& query, std::vector<Command> what_if,
                          const Account& account, const Directory& directory, Ledger& ledger,
                          Instant now, v1::Plan* out) {
  const absl::StatusOr<std::vector<Act>> acts = ReadActsOf(ledger, {query.owner, query.known});
  if (!acts.ok()) return acts.status();
  const absl::StatusOr<RequestBook> folded = FoldRequest(*acts);
  if (!folded.ok()) return folded.status();
  const RequestBook& known = *folded;
  Request request = *known.request;
  if (query.request) {
    request = *query.request;
    request.id = query.known;
    request.version = known.request->version + 1;
    what_if.push_back(
        {query.owner, {Role::kOwner, query.owner.value}, AmendRequest{query.known, request}});
  }
  const absl::StatusOr<Plan> plan =
      Explain(query.owner, known, *acts, account, directory, what_if, std::max(now, known.updated));
  if (!plan.ok()) return Under(kRequestField, plan.status());
  Render(query.owner, request, *plan, out);
  return absl::OkStatus();
}

absl::Status PlanFor(const PlanQuery& query, const Account& account, const Directory& directory,
                     Ledger& ledger, Instant now, v1::Plan* out) {
  absl::StatusOr<std::vector<Command>> drafts = Activations(query, account, now);
  if (!drafts.ok()) return drafts.status();
  if (query.known.IsSet())
    return ExplainKnown(query, *std::move(drafts), account, directory, ledger, now, out);
  const absl::StatusOr<Account> then = WithDrafts(query, account, directory, *drafts, now);
  if (!then.ok()) return then.status();
  Request request = *query.request;
  request.id = NewRequestId(now);
  const absl::StatusOr<Plan> plan = PlanRequest(query.owner, request, *then, directory, now);
  if (!plan.ok()) return Under(kRequestField, plan.status());
  Render(query.owner, request, *plan, out);
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* CapacityRequestService::CreateCapacityRequest(
    Context* context, const v1::CreateCapacityRequestRequest* in, v1::CapacityRequest* out) {
  return Obey(backend_, context, Method::kCreateCapacityRequest, *in, out);
}

grpc::ServerUnaryReactor* CapacityRequestService::GetCapacityRequest(
    Context* context, const v1::GetCapacityRequestRequest* in, v1::CapacityRequest* out) {
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
    Context* context, const v1::ListCapacityRequestsRequest* in,
    v1::ListCapacityRequestsResponse* out) {
  auto* call = new Call(backend_, context, Method::kListCapacityRequests);
  absl::StatusOr<RequestsQuery> query = call->Admit(*in);
  if (!query.ok()) return call->End(query.status());
  return call->Read([=, this, query = *std::move(query)]() -> absl::Status {
    const Instant now = backend_.clock.Now();
    std::string token = query.page.token;
    for (uint32_t left = query.page.size; left > 0 && out->ByteSizeLong() < kMessageBytes;) {
      const absl::StatusOr<Page<RequestRow>> page = backend_.ledger.ListRequests(
          {query.owner, query.states}, std::min(left, kRowsAtOnce), token);
      if (!page.ok()) return page.status();
      std::vector<std::pair<OwnerId, RequestId>> names;
      for (const RequestRow& row : page->items) names.emplace_back(row.owner, row.request);
      const absl::StatusOr<std::vector<OwnedRequest>> requests =
          ReadRequests(backend_.ledger, names);
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
  return Obey(backend_, context, Method::kCancelCapacityRequest, *in, out);
}

grpc::ServerUnaryReactor* CapacityRequestService::AmendCapacityRequest(
    Context* context, const v1::AmendCapacityRequestRequest* in, v1::CapacityRequest* out) {
  return Obey(backend_, context, Method::kAmendCapacityRequest, *in, out);
}

grpc::ServerWriteReactor<v1::WatchCapacityRequestsResponse>*
CapacityRequestService::WatchCapacityRequests(Context* context,
                                              const v1::WatchCapacityRequestsRequest* in) {
  return Stream<v1::WatchCapacityRequestsResponse>::Open(
      backend_, context, Method::kWatchCapacityRequests, *in,
      [this](WatchQuery query, const Actor&, Subscription::Wake wake) {
        return std::make_unique<RequestWatch>(backend_, std::move(query), 0, std::move(wake));
      });
}

grpc::ServerUnaryReactor* CapacityRequestService::PlanCapacityRequest(
    Context* context, const v1::PlanCapacityRequestRequest* in, v1::Plan* out) {
  auto* call = new Call(backend_, context, Method::kPlanCapacityRequest);
  absl::StatusOr<PlanQuery> query = call->Admit(*in);
  if (!query.ok()) return call->End(query.status());
  const OwnerId owner = query->owner;
  auto* const reactor = call->reactor();
  backend_.sequencer.ReadAccount(
      owner, [=, this, query = *std::move(query)](
                 absl::StatusOr<std::shared_ptr<const Account>> account) mutable {
        if (!account.ok()) return (void)call->End(account.status());
        // On the pool: a plan takes longer than the sequencer's thread may.
        call->Read([=, this, query = std::move(query),
                    account = *std::move(account)]() mutable -> absl::Status {
          const absl::StatusOr<std::shared_ptr<const Directory>> directory =
              backend_.registry.Read();
          if (!directory.ok()) return directory.status();
          const Account none;
          return PlanFor(query, account == nullptr ? none : *account, **directory, backend_.ledger,
                         backend_.clock.Now(), out);
        });
      });
  return reactor;
}

grpc::ServerUnaryReactor* CapacityRequestService::ExtendOffer(Context* context,
                                                              const v1::ExtendOfferRequest* in,
                                                              v1::Offer* out) {
  return Obey(backend_, context, Method::kExtendOffer, *in, out);
}

grpc::ServerUnaryReactor* CapacityRequestService::AcceptCounter(Context* context,
                                                                const v1::AcceptCounterRequest* in,
                                                                v1::Offer* out) {
  return Obey(backend_, context, Method::kAcceptCounter, *in, out);
}

grpc::ServerUnaryReactor* CapacityRequestService::LeaveCounter(Context* context,
                                                               const v1::LeaveCounterRequest* in,
                                                               v1::Offer* out) {
  return Obey(backend_, context, Method::kLeaveCounter, *in, out);
}

grpc::ServerUnaryReactor* CapacityRequestService::ReleaseAllocation(
    Context* context, const v1::ReleaseAllocationRequest* in, v1::Allocation* out) {
  return Obey(backend_, context, Method::kReleaseAllocation, *in, out);
}

}  // namespace capbroker
