// Access control: which role may call which method. Default deny: a method without a row, or a role
// without an entry, is refused.
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
  kTerminateAgreement,
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

// Whose resources a role may address with a method.
enum class Reach {
  kNone,
  kOwn,    // Those under the caller's own name.
  kParty,  // Those whose record names the caller: the handler or Decide checks it.
  kAll,
};

inline constexpr size_t kMethods = static_cast<size_t>(Method::kProviderSession) + 1;

struct Permission {
  Method method;
  std::string_view name;  // "OfferService/AcceptOffer".
  bool by_parent;         // The message names the parent of the resources, not a resource.
  Reach owner, provider, operator_, auditor;
};

const Permission& PermissionOf(Method method);
Reach ReachOf(Role role, const Permission& permission);

// PERMISSION_DENIED (NOT_PERMITTED) for a role that may never call the method.
absl::Status CheckRole(const Actor& caller, Method method);

// Checks that the resource in the message, which belongs to `owner` or `provider`, may be the
// caller's.
//
// NOT_FOUND          it is another's: the caller must not learn whether it exists.
// PERMISSION_DENIED  the message names another's parent, which is no secret.
absl::Status CheckTarget(const Actor& caller, Method method, const OwnerId& owner);
absl::Status CheckTarget(const Actor& caller, Method method, const ProviderId& provider);

// NOT_FOUND (RESOURCE_NOT_FOUND) for a resource of this full name.
absl::Status NoSuch(const std::string& name);

}  // namespace capbroker
