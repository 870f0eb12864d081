// Handler of the methods that are one command about a request, and that return what it changed.
#pragma once

#include <type_traits>
#include <utility>

#include "capbroker/v1/allocation.pb.h"
#include "capbroker/v1/capacity_request.pb.h"
#include "capbroker/v1/offer.pb.h"
#include "services/messages/render.h"
#include "services/rpc/call.h"

namespace capbroker {

// A provider sees only its own offers.
inline Viewer ViewerOf(const Actor& caller) {
  return caller.role == Role::kProvider ? Viewer::kAddressee : Viewer::kOther;
}

// `Out` is the request, the offer that the message names, or its allocation. Decide checks whose
// offer it is: NOT_FOUND for anyone but its addressee and the request's owner.
template <class In, class Out>
grpc::ServerUnaryReactor* Obey(Backend& backend, grpc::CallbackServerContext* context,
                               Method method, const In& in, Out* out) {
  auto* call = new Call(backend, context, method);
  absl::StatusOr<Command> command = call->Admit(in);
  if (!command.ok()) return call->End(command.status());
  const OwnerId owner = command->owner;
  const uint32_t number = NumberOf(*command);
  return call->Submit(
      *std::move(command), in, [=, &backend](absl::StatusOr<Outcome> outcome) -> absl::Status {
        if (!outcome.ok()) return outcome.status();
        const RequestBook& request = *outcome->request;
        const Instant now = backend.clock.Now();
        if constexpr (std::is_same_v<Out, v1::CapacityRequest>) {
          Render(owner, request, now, out);
        } else if constexpr (std::is_same_v<Out, v1::Offer>) {
          Render(owner, request, *request.Find(number), now, ViewerOf(call->caller()), out);
        } else {
          Render(owner, request, *request.Find(number), now, out);
        }
        return absl::OkStatus();
      });
}

}  // namespace capbroker
