// What can be asked of the broker: each command carries all that Decide needs besides the book.
#pragma once

#include <variant>

#include "broker/agreement.h"
#include "broker/decision.h"
#include "broker/ids.h"
#include "broker/provider.h"
#include "broker/request.h"

namespace capbroker {

// By the owner. The request has its id.
struct CreateRequest {
  Request request{};
};
// By the owner.
struct CancelRequest {
  RequestId request{};
  std::string text{};
};
// By the offer's addressee.
struct AcceptOffer {
  RequestId request{};
  uint32_t offer = 0;
  Hash terms_hash{};
  int64_t quantity = 0;  // 0: all of it.
};
struct DeclineOffer {
  RequestId request{};
  uint32_t offer = 0;
  DeclineReason reason = DeclineReason::kOther;
  std::string text{};
  Span cool_down{};
};
// By the owner: never earlier than the deadline it has.
struct ExtendOffer {
  RequestId request{};
  uint32_t offer = 0;
  Instant deadline{};
};
// By the owner: gives capacity back.
struct ReleaseAllocation {
  RequestId request{};
  uint32_t offer = 0;
  std::string text{};
};
// By the broker, once the earliest entry of Book::deadlines has passed. Unset: the account's.
struct ReachDeadline {
  RequestId request{};
};
// By the broker, once an owner after it has been away; then once for each of RequestsToToll (R22).
struct Resume {
  RequestId request{};  // Unset: the owner's whole book.
  Instant down_since{};
};
// By an operator: the first version of an agreement, or the next one.
struct ActivateAgreement {
  AgreementVersion version{};  // `version` 0: whichever is next.
};
// By an operator, on kDirectory's book.
struct RegisterProvider {
  Provider provider{};
};
struct UpdateProvider {
  Provider provider{};
};
struct SuspendProvider {
  ProviderId provider{};
  std::string text{};
};
struct ResumeProvider {
  ProviderId provider{};
  std::string text{};
};

struct Command {
  OwnerId owner{};  // Whose book it goes to.
  Actor actor{};
  std::variant<CreateRequest, CancelRequest, AcceptOffer, DeclineOffer, ExtendOffer, ReleaseAllocation,
               ReachDeadline, Resume, ActivateAgreement, RegisterProvider, UpdateProvider, SuspendProvider,
               ResumeProvider>
      what;
};

// The request that must be in the book before this command is decided; unset if none (a new one has none
// yet).
RequestId Subject(const Command& command);

}  // namespace capbroker
