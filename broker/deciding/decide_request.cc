// The owner's commands about a request, and what time does to it.
#include <utility>

#include "broker/deciding/deciding.h"
#include "broker/deciding/request_draft.h"
#include "broker/deciding/validate.h"
#include "broker/routing/feasible.h"
#include "broker/routing/route.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {

absl::StatusOr<Verdict> Deciding::On(const CreateRequest& create) const {
  if (absl::Status status = CheckActor(Role::kOwner); !status.ok()) return status;
  if (absl::Status status = Validate(create.request, directory, now); !status.ok()) return status;
  if (book.Find(create.request.id) != nullptr) {
    return Refuse(absl::StatusCode::kAlreadyExists, "ALREADY_EXISTS",
                  Cat("request ", Format(create.request.id), " exists"));
  }
  const Routing routing = RouteRequest(create.request, book.account, now);
  if (absl::Status status = CheckRoutable(routing); !status.ok()) return status;
  if (absl::Status status = CheckFeasible(create.request, routing, book.account, now); !status.ok())
    return status;

  RequestDraft draft(book, directory, nullptr, now);
  Decision received{.kind = Kind::REQUEST_RECEIVED};
  received.quantity = create.request.terms.quantity;
  received.request = std::make_shared<const Request>(create.request);
  draft.Add(std::move(received));
  draft.AddRoutes(routing, 0);
  draft.Advance();
  return draft.Conclude();
}

// R28: always answered; what was recorded first stands.
absl::StatusOr<Verdict> Deciding::On(const CancelRequest& cancel) const {
  if (absl::Status status = CheckActor(Role::kOwner); !status.ok()) return status;
  const absl::StatusOr<const RequestBook*> found = FindRequest(cancel.request);
  if (!found.ok()) return found.status();
  const RequestBook& request = **found;
  if (request.state == RequestState::kCancelled) return Verdict{};
  if (IsFinished(request.state)) {
    const bool placed = request.Standing() > 0;
    return Refuse(placed ? absl::StatusCode::kAborted : absl::StatusCode::kFailedPrecondition,
                  placed ? "ALREADY_PLACED" : "REQUEST_FINISHED",
                  Cat("the request is ", NameOf(request.state), " since ", Format(request.updated)),
                  {{"state", std::string(NameOf(request.state))}});
  }
  RequestDraft draft(book, directory, &request, now);
  draft.RescindOffers("CANCELLED");
  draft.EndHolds(Kind::ALLOCATION_RELEASED, "CANCELLED");
  draft.RestoreWaivers();
  Decision cancelled{.kind = Kind::REQUEST_CANCELLED};
  cancelled.text = cancel.text;
  draft.Add(std::move(cancelled));
  return draft.Conclude();
}

absl::StatusOr<Verdict> Deciding::On(const ReachDeadline& deadline) const {
  if (absl::Status status = CheckActor(Role::kBroker); !status.ok()) return status;
  if (!deadline.request.IsSet()) return Verdict{AccountDues(), {}};
  const RequestBook* request = book.Find(deadline.request);
  if (request == nullptr || !request->IsLive()) return Verdict{};
  RequestDraft draft(book, directory, request, now);
  draft.PassTime();
  return draft.Conclude();
}

}  // namespace capbroker
