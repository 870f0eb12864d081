#include "broker/deciding/decide.h"

#include <algorithm>
#include <utility>

#include "broker/deciding/deciding.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {

RequestId Subject(const Command& command) {
  return std::visit(
      [](const auto& what) -> RequestId {
        if constexpr (requires {
                        { what.request } -> std::convertible_to<RequestId>;
                      }) {
          return what.request;
        } else {
          return {};
        }
      },
      command.what);
}

absl::StatusOr<Verdict> Decide(const Book& book, const Directory& directory, const Command& command,
                               Instant now) {
  const Deciding deciding{book, directory, command.actor, now};
  return std::visit([&](const auto& what) { return deciding.On(what); }, command.what);
}

absl::Status Deciding::CheckActor(Role role) const {
  const bool own = role != Role::kOwner || actor.name == book.owner.value;
  if (actor.role == role && own) return absl::OkStatus();
  return Refuse(absl::StatusCode::kPermissionDenied, "PERMISSION_DENIED",
                Cat("got ", Format(actor), ", want ", NameOf(role), role == Role::kOwner ? "/" : "",
                    role == Role::kOwner ? book.owner.value : ""));
}

absl::StatusOr<const RequestBook*> Deciding::FindRequest(const RequestId& id) const {
  if (const RequestBook* request = book.Find(id); request != nullptr) return request;
  return Refuse(absl::StatusCode::kNotFound, "NOT_FOUND", Cat("no request ", Format(id)));
}

absl::Status Deciding::NoOffer(const RequestId& request, uint32_t offer) const {
  return Refuse(absl::StatusCode::kNotFound, "NOT_FOUND",
                Cat("no offer ", offer, " of request ", Format(request)));
}

}  // namespace capbroker
