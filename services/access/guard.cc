#include "services/access/guard.h"

#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

using enum Method;
constexpr Reach None = Reach::kNone, Own = Reach::kOwn, Party = Reach::kParty, All = Reach::kAll;
constexpr bool kByParent = true, kByName = false;

// clang-format off
constexpr auto kPermissions = std::to_array<Permission>({
    //                                                                                        owner  provider operator auditor
    {kCreateCapacityRequest,   "CapacityRequestService/CreateCapacityRequest",     kByParent, Own,   None,  None, None},
    {kGetCapacityRequest,      "CapacityRequestService/GetCapacityRequest",        kByName,   Own,   None,  All,  All},
    {kListCapacityRequests,    "CapacityRequestService/ListCapacityRequests",      kByParent, Own,   None,  All,  All},
    {kCancelCapacityRequest,   "CapacityRequestService/CancelCapacityRequest",     kByName,   Own,   None,  None, None},
    {kWatchCapacityRequests,   "CapacityRequestService/WatchCapacityRequests",     kByParent, Own,   None,  All,  All},
    {kPlanCapacityRequest,     "CapacityRequestService/PlanCapacityRequest",       kByParent, Own,   None,  All,  None},
    {kExtendOffer,             "CapacityRequestService/ExtendOffer",               kByName,   Own,   None,  None, None},
    {kReleaseAllocation,       "CapacityRequestService/ReleaseAllocation",         kByName,   Own,   None,  None, None},
    {kAmendCapacityRequest,    "CapacityRequestService/AmendCapacityRequest",      kByName,   Own,   None,  None, None},
    {kAcceptCounter,           "CapacityRequestService/AcceptCounter",             kByName,   Own,   None,  None, None},
    {kLeaveCounter,            "CapacityRequestService/LeaveCounter",              kByName,   Own,   None,  None, None},
    {kListOffers,              "OfferService/ListOffers",                          kByParent, None,  Own,   All,  All},
    {kGetOffer,                "OfferService/GetOffer",                            kByName,   Own,   Party, All,  All},
    {kWatchOffers,             "OfferService/WatchOffers",                         kByParent, None,  Own,   All,  All},
    {kAcceptOffer,             "OfferService/AcceptOffer",                         kByName,   None,  Party, None, None},
    {kDeclineOffer,            "OfferService/DeclineOffer",                        kByName,   None,  Party, None, None},
    {kCounterOffer,            "OfferService/CounterOffer",                        kByName,   None,  Party, None, None},
    {kSubmitBid,               "OfferService/SubmitBid",                           kByName,   None,  Party, None, None},
    {kConfirmAllocation,       "OfferService/ConfirmAllocation",                   kByName,   None,  Party, None, None},
    {kWithdrawAllocation,      "OfferService/WithdrawAllocation",                  kByName,   None,  Party, None, None},
    {kTollOffer,               "OfferService/TollOffer",                           kByName,   None,  None,  All,  None},
    {kVoidOffer,               "OfferService/VoidOffer",                           kByName,   None,  None,  All,  None},
    {kCreateAgreement,         "AgreementService/CreateAgreement",                 kByParent, None,  None,  All,  None},
    {kGetAgreement,            "AgreementService/GetAgreement",                    kByName,   Own,   Party, All,  All},
    {kListAgreements,          "AgreementService/ListAgreements",                  kByParent, Own,   Party, All,  All},
    {kAmendAgreement,          "AgreementService/AmendAgreement",                  kByName,   None,  None,  All,  None},
    {kTerminateAgreement,      "AgreementService/TerminateAgreement",              kByName,   Own,   Party, None, None},
    {kListAgreementVersions,   "AgreementService/ListAgreementVersions",           kByName,   Own,   Party, All,  All},
    {kCompareAgreementVersions, "AgreementService/CompareAgreementVersions",      kByName,   Own,   Party, All,  All},
    {kLintAgreement,           "AgreementService/LintAgreement",                   kByParent, Own,   None,  All,  None},
    {kGrantWaiver,             "AgreementService/GrantWaiver",                     kByName,   None,  Party, None, None},
    {kRevokeWaiver,            "AgreementService/RevokeWaiver",                    kByName,   None,  Party, None, None},
    {kListWaivers,             "AgreementService/ListWaivers",                     kByName,   Own,   Party, All,  All},
    {kAssertTrigger,           "AgreementService/AssertTrigger",                   kByName,   Own,   Party, None, Party},
    {kDisputeTrigger,          "AgreementService/DisputeTrigger",                  kByName,   Own,   Party, None, None},
    {kResolveDispute,          "AgreementService/ResolveDispute",                  kByName,   None,  None,  All,  None},
    {kAttestTrigger,           "AgreementService/AttestTrigger",                   kByName,   Own,   Party, None, Party},
    {kWithdrawTrigger,         "AgreementService/WithdrawTrigger",                 kByName,   Own,   Party, None, Party},
    {kListTriggers,            "AgreementService/ListTriggers",                    kByName,   Own,   Party, All,  All},
    {kGetCommitmentStatement,  "AgreementService/GetCommitmentStatement",          kByName,   Own,   Party, All,  All},
    {kListCommitmentEntries,   "AgreementService/ListCommitmentEntries",           kByName,   Own,   Party, All,  All},
    {kRegisterProvider,        "ProviderService/RegisterProvider",                 kByName,   None,  None,  All,  None},
    {kGetProvider,             "ProviderService/GetProvider",                      kByName,   Party, Own,   All,  All},
    {kListProviders,           "ProviderService/ListProviders",                    kByParent, Party, Party, All,  All},
    {kUpdateProvider,          "ProviderService/UpdateProvider",                   kByName,   None,  None,  All,  None},
    {kSuspendProvider,         "ProviderService/SuspendProvider",                  kByName,   None,  None,  All,  None},
    {kResumeProvider,          "ProviderService/ResumeProvider",                   kByName,   None,  None,  All,  None},
    {kReportHealth,            "ProviderService/ReportHealth",                     kByName,   None,  None,  All,  None},
    {kListDecisions,           "DecisionService/ListDecisions",                    kByParent, Own,   None,  All,  All},
    {kExportEvidence,          "DecisionService/ExportEvidence",                   kByParent, Own,   None,  All,  All},
    {kGetCheckpoint,           "DecisionService/GetCheckpoint",                    kByParent, Own,   None,  All,  All},
    {kGetCaller,               "CallerService/GetCaller",                          kByName,   All,   All,   All,  All},
    {kOwnerSession,            "SessionService/OwnerSession",                      kByParent, Own,   None,  None, None},
    {kProviderSession,         "SessionService/ProviderSession",                   kByParent, None,  Own,   None, None},
});
// clang-format on

constexpr bool IsInOrder() {
  for (size_t i = 0; i < kPermissions.size(); ++i) {
    if (kPermissions[i].method != static_cast<Method>(i)) return false;
  }
  return kPermissions.size() == kMethods;
}
static_assert(IsInOrder(), "PermissionOf finds a method by its number");

absl::Status Another(const Permission& permission, const Actor& caller, const std::string& name) {
  if (!permission.by_parent) return NoSuch(name);
  return Refuse(absl::StatusCode::kPermissionDenied, "NOT_PERMITTED",
                Cat(Format(caller), " may not call ", permission.name, " for ", name));
}

}  // namespace

const Permission& PermissionOf(Method method) { return kPermissions[static_cast<size_t>(method)]; }

Reach ReachOf(Role role, const Permission& permission) {
  switch (role) {
    case Role::kOwner:
      return permission.owner;
    case Role::kProvider:
      return permission.provider;
    case Role::kOperator:
      return permission.operator_;
    case Role::kAuditor:
      return permission.auditor;
    case Role::kNone:
    case Role::kBroker:
      return Reach::kNone;
  }
  return Reach::kNone;
}

absl::Status CheckRole(const Actor& caller, Method method) {
  const Permission& permission = PermissionOf(method);
  if (ReachOf(caller.role, permission) != Reach::kNone) return absl::OkStatus();
  return Refuse(absl::StatusCode::kPermissionDenied, "NOT_PERMITTED",
                Cat("the role ", NameOf(caller.role), " may not call ", permission.name));
}

absl::Status CheckTarget(const Actor& caller, Method method, const OwnerId& owner) {
  const Permission& permission = PermissionOf(method);
  const Reach reach = ReachOf(caller.role, permission);
  const bool own = caller.role == Role::kOwner && caller.name == owner.value;
  if (reach == Reach::kAll || reach == Reach::kParty || (reach == Reach::kOwn && own))
    return absl::OkStatus();
  return Another(permission, caller,
                 owner == kDirectory ? "providers" : Cat("owners/", owner.value));
}

absl::Status CheckTarget(const Actor& caller, Method method, const ProviderId& provider) {
  const Permission& permission = PermissionOf(method);
  const Reach reach = ReachOf(caller.role, permission);
  const bool own = caller.role == Role::kProvider && caller.name == provider.value;
  if (reach == Reach::kAll || reach == Reach::kParty || (reach == Reach::kOwn && own))
    return absl::OkStatus();
  return Another(permission, caller, Cat("providers/", provider.value));
}

absl::Status NoSuch(const std::string& name) {
  return Refuse(absl::StatusCode::kNotFound, "RESOURCE_NOT_FOUND",
                Cat(name, " does not exist, or is not yours to know"), {{"name", name}});
}

}  // namespace capbroker
