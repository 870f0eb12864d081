#include "services/rpc/session_service.h"

#include "services/messages/fields.h"
#include "services/messages/render.h"
#include "services/messages/resource_name.h"
#include "services/rpc/session.h"

namespace capbroker {
namespace {

// The owner's side of a session. Authorization gives every owner its own session, and nobody else
// one.
struct OwnerSide {
  using In = v1::OwnerSessionRequest;
  using Out = v1::OwnerSessionResponse;
  using News = RequestNews;
  static constexpr Method kMethod = Method::kOwnerSession;

  static absl::Status CheckParent(const Actor& caller, const std::string& parent) {
    Fields fields;
    const OwnerId owner = fields.Owner("parent", parent);
    const absl::Status status = fields.status();
    return status.ok() ? CheckTarget(caller, kMethod, owner) : status;
  }

  static News NewsFor(Backend& backend, const Actor& caller, uint64_t origin,
                      Subscription::Wake wake) {
    return News(backend, WatchQuery{OwnerId{caller.name}, {}}, origin, std::move(wake));
  }

  // Calls `use` with the method and its message; false if the command is empty.
  template <class Use>
  static bool Visit(v1::OwnerCommand& said, const std::string& parent, Use use) {
    switch (said.command_case()) {
      case v1::OwnerCommand::kCreate:
        // Before the message is hashed: the idempotency key is that of the unary call.
        if (said.create().parent().empty()) said.mutable_create()->set_parent(parent);
        use(Method::kCreateCapacityRequest, *said.mutable_create());
        return true;
      case v1::OwnerCommand::kAmend:
        use(Method::kAmendCapacityRequest, *said.mutable_amend());
        return true;
      case v1::OwnerCommand::kCancel:
        use(Method::kCancelCapacityRequest, *said.mutable_cancel());
        return true;
      case v1::OwnerCommand::kExtend:
        use(Method::kExtendOffer, *said.mutable_extend());
        return true;
      case v1::OwnerCommand::kAcceptCounter:
        use(Method::kAcceptCounter, *said.mutable_accept_counter());
        return true;
      case v1::OwnerCommand::kLeaveCounter:
        use(Method::kLeaveCounter, *said.mutable_leave_counter());
        return true;
      case v1::OwnerCommand::kRelease:
        use(Method::kReleaseAllocation, *said.mutable_release());
        return true;
      case v1::OwnerCommand::COMMAND_NOT_SET:
        break;
    }
    return false;
  }

  static void Render(const SessionCommand& command, Instant, v1::OwnerReply* out) {
    const RequestBook& request = *command.outcome->request;
    out->set_capacity_request(FullName(RequestName{command.owner, request.request->id}));
    out->set_state(Rendered(request.state));
  }
};

// The provider's side of a session.
struct ProviderSide {
  using In = v1::ProviderSessionRequest;
  using Out = v1::ProviderSessionResponse;
  using News = OfferNews;
  static constexpr Method kMethod = Method::kProviderSession;

  static absl::Status CheckParent(const Actor& caller, const std::string& parent) {
    Fields fields;
    const ProviderId provider = fields.Provider("parent", parent);
    const absl::Status status = fields.status();
    return status.ok() ? CheckTarget(caller, kMethod, provider) : status;
  }

  static News NewsFor(Backend& backend, const Actor& caller, uint64_t origin,
                      Subscription::Wake wake) {
    return News(backend, ProviderId{caller.name}, Viewer::kAddressee, origin, std::move(wake));
  }

  template <class Use>
  static bool Visit(v1::ProviderCommand& said, const std::string&, Use use) {
    switch (said.command_case()) {
      case v1::ProviderCommand::kAccept:
        use(Method::kAcceptOffer, *said.mutable_accept());
        return true;
      case v1::ProviderCommand::kDecline:
        use(Method::kDeclineOffer, *said.mutable_decline());
        return true;
      case v1::ProviderCommand::kCounter:
        use(Method::kCounterOffer, *said.mutable_counter());
        return true;
      case v1::ProviderCommand::kBid:
        use(Method::kSubmitBid, *said.mutable_bid());
        return true;
      case v1::ProviderCommand::kConfirm:
        use(Method::kConfirmAllocation, *said.mutable_confirm());
        return true;
      case v1::ProviderCommand::kWithdraw:
        use(Method::kWithdrawAllocation, *said.mutable_withdraw());
        return true;
      case v1::ProviderCommand::COMMAND_NOT_SET:
        break;
    }
    return false;
  }

  static void Render(const SessionCommand& command, Instant now, v1::ProviderReply* out) {
    const RequestBook& request = *command.outcome->request;
    const Offer& offer = *request.Find(command.offer);
    out->set_state(Rendered(offer.state));
    if (offer.allocation.state == AllocationState::kNone) return;
    out->set_accepted_quantity(offer.allocation.quantity);
    out->set_allocation_state(AllocationStateOf(request, offer, now));
  }
};

}  // namespace

SessionReactor* SessionService::OwnerSession(grpc::CallbackServerContext* context) {
  return Session<OwnerSide>::Open(backend_, context);
}

SessionReactor* SessionService::ProviderSession(grpc::CallbackServerContext* context) {
  return Session<ProviderSide>::Open(backend_, context);
}

}  // namespace capbroker
