// Who may call what. Default deny: a method that is not in the table, or a role without an entry,
// is refused.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "broker/values/ids.h"

namespace capbroker {

enum class Method {
  kCreateCapacityRequest,
  kGetCapacityRequest,
  kListCapacityRequests,
  kCancelCapacityRequest,
  kWatchCapacityRequests,
  kPlanCapacityRequest,
  kExtendOffer,
  kReleaseAllocation,
  kAmendCapacityRequest,
  kAcceptCounter,
  kLeaveCounter,
  kListOffers,
  kGetOffer,
  kWatchOffers,
  kAcceptOffer,
  kDeclineOffer,
  kCounterOffer,
  kSubmitBid,
  kConfirmAllocation,
  kWithdrawAllocation,
  kTollOffer,
  kVoidOffer,
  kCreateAgreement,
  kGetAgreement,
  kListAgreements,
  kAmendAgreement,
  kListAgreementVersions,
  kCompareAgreementVersions,
  kLintAgreement,
  kGrantWaiver,
  kRevokeWaiver,
  kListWaivers,
  kAssertTrigger,
  kDisputeTrigger,
  kResolveDispute,
  kAttestTrigger,
  kWithdrawTrigger,
  kListTriggers,
  kGetCommitmentStatement,
  kListCommitmentEntries,
  kRegisterProvider,
  kGetProvider,
  kListProviders,
  kUpdateProvider,
  kSuspendProvider,
  kResumeProvider,
  kReportHealth,
  kListDecisions,
  kExportEvidence,
  kGetCheckpoint,
  kGetCaller,
  kOwnerSession,
  kProviderSession,
};

// About whose resources a role may call a method.
enum class Reach {
  kNone,
  kOwn,    // Those under the caller's own name.
  kParty,  // Those that the record names it in: the handler, or Decide, looks.
  kAll,
};

inline constexpr size_t kMethods = static_cast<size_t>(Method::kProviderSession) + 1;

struct Permission {
  Method method;
  std::string_view name;  // "OfferService/AcceptOffer".
  bool by_parent;         // The message says under whom (parent), not which (name).
  Reach owner, provider, operator_, auditor;
};

const Permission& PermissionOf(Method method);
Reach ReachOf(Role role, const Permission& permission);

// PERMISSION_DENIED (NOT_PERMITTED) for a role that may never call this.
absl::Status CheckRole(const Actor& caller, Method method);

// The resource that the message is about belongs to `owner` or `provider`; `name` is what the
// caller called it.
//
// NOT_FOUND          it is another's: whether it exists is not the caller's to know.
// PERMISSION_DENIED  the message names another's parent, which is no secret.
absl::Status CheckTarget(const Actor& caller, Method method, const OwnerId& owner);
absl::Status CheckTarget(const Actor& caller, Method method, const ProviderId& provider);

// NOT_FOUND (RESOURCE_NOT_FOUND) for something of this full name.
absl::Status NoSuch(const std::string& name);

}  // namespace capbroker
