// Parsing of messages to values: the only place where messages become values. Each function parses
// one message completely: grammar, ranges, presence. broker/deciding/validate.h and Decide check
// values against each other and against the state.
//
// All functions return INVALID_ARGUMENT with every malformed field, named as in the message, with
// got and want.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/deciding/command.h"
#include "broker/values/provider.h"
#include "capbroker/v1/agreement_service.pb.h"
#include "capbroker/v1/caller_service.pb.h"
#include "capbroker/v1/capacity_request_service.pb.h"
#include "capbroker/v1/decision_service.pb.h"
#include "capbroker/v1/offer_service.pb.h"
#include "capbroker/v1/provider_service.pb.h"
#include "services/messages/resource_name.h"
#include "storage/ledger.h"

namespace capbroker {

// The window of alternatives without one of their own (FallbackPolicy.step_window).
inline constexpr Span kDefaultStepWindow = Hours(1);

// ---- Changes: commands without an actor.
//
// A new request has no id yet.
absl::StatusOr<Command> Parse(const v1::CreateCapacityRequestRequest& in);
// The next version is base_version + 1; 0 if base_version is 0.
absl::StatusOr<Command> Parse(const v1::AmendCapacityRequestRequest& in);
absl::StatusOr<Command> Parse(const v1::CancelCapacityRequestRequest& in);
absl::StatusOr<Command> Parse(const v1::AcceptCounterRequest& in);
absl::StatusOr<Command> Parse(const v1::LeaveCounterRequest& in);
absl::StatusOr<Command> Parse(const v1::ExtendOfferRequest& in);
absl::StatusOr<Command> Parse(const v1::ReleaseAllocationRequest& in);
absl::StatusOr<Command> Parse(const v1::AcceptOfferRequest& in);
absl::StatusOr<Command> Parse(const v1::DeclineOfferRequest& in);
absl::StatusOr<Command> Parse(const v1::CounterOfferRequest& in);
absl::StatusOr<Command> Parse(const v1::SubmitBidRequest& in);
absl::StatusOr<Command> Parse(const v1::ConfirmAllocationRequest& in);
absl::StatusOr<Command> Parse(const v1::WithdrawAllocationRequest& in);
absl::StatusOr<Command> Parse(const v1::TollOfferRequest& in);
absl::StatusOr<Command> Parse(const v1::VoidOfferRequest& in);
// The version has the number 1, or base_version + 1; 0 if base_version is 0. An amendment has no
// holder yet, and effective_from is unset if the message has none.
absl::StatusOr<Command> Parse(const v1::CreateAgreementRequest& in);
absl::StatusOr<Command> Parse(const v1::AmendAgreementRequest& in);
absl::StatusOr<Command> Parse(const v1::TerminateAgreementRequest& in);
absl::StatusOr<Command> Parse(const v1::GrantWaiverRequest& in);
absl::StatusOr<Command> Parse(const v1::RevokeWaiverRequest& in);
absl::StatusOr<Command> Parse(const v1::AssertTriggerRequest& in);
absl::StatusOr<Command> Parse(const v1::DisputeTriggerRequest& in);
absl::StatusOr<Command> Parse(const v1::ResolveDisputeRequest& in);
absl::StatusOr<Command> Parse(const v1::AttestTriggerRequest& in);
absl::StatusOr<Command> Parse(const v1::WithdrawTriggerRequest& in);
absl::StatusOr<Command> Parse(const v1::RegisterProviderRequest& in);
absl::StatusOr<Command> Parse(const v1::SuspendProviderRequest& in);
absl::StatusOr<Command> Parse(const v1::ResumeProviderRequest& in);
absl::StatusOr<Command> Parse(const v1::ReportHealthRequest& in);

// The provider as given, and which of its fields are to be changed.
struct ProviderChange {
  ProviderId provider{};
  Provider given{};
  bool display_name = false, members = false, rates = false, limits = false, affiliates = false,
       endpoint = false;
  // Returns `known` with those fields replaced.
  Provider On(Provider known) const;
};
absl::StatusOr<ProviderChange> Parse(const v1::UpdateProviderRequest& in);

// ---- Reads.
struct PageQuery {
  uint32_t size = 50;
  std::string token{};
};
struct RequestsQuery {
  OwnerId owner{};
  std::vector<RequestState> states{};
  PageQuery page{};
};
struct WatchQuery {
  OwnerId owner{};
  RequestId request{};  // Unset: all.
};
struct PlanQuery {
  OwnerId owner{};
  RequestId
      // If set, plans this request; `request` is then its next version, if it has any content.
      known{};
  std::optional<Request> request{};        // Without an id.
  std::vector<AgreementVersion> drafts{};  // Version 0; without a holder if the agreement exists.
};
struct LintQuery {
  OwnerId owner{};
  AgreementVersion version{};  // As a draft.
};
struct OffersQuery {
  ProviderId provider{};
  std::vector<OfferState> states{};
  PageQuery page{};
};
struct DeskQuery {
  ProviderId provider{};
};
struct AgreementsQuery {
  OwnerId owner{};
  PageQuery page{};
};
struct VersionsQuery {
  OwnerId owner{};
  AgreementId agreement{};
  PageQuery page{};
};
struct ComparisonQuery {
  OwnerId owner{};
  AgreementId agreement{};
  uint32_t from = 0, to = 0;  // Versions.
};
// A list below an agreement: its waivers or triggers.
struct BesideQuery {
  OwnerId owner{};
  AgreementId agreement{};
  PageQuery page{};
};
struct EntriesQuery {
  OwnerId owner{};
  AgreementId agreement{};
  ClauseId clause{};
  PageQuery page{};
};
struct ProvidersQuery {
  PageQuery page{};
};
struct DecisionsQuery {
  OwnerId owner{};
  RequestId request{};  // Unset: all.
  bool newest_first = false;
  PageQuery page{};
};

struct CallerQuery {};

inline absl::StatusOr<CallerQuery> Parse(const v1::GetCallerRequest&) { return CallerQuery{}; }
absl::StatusOr<RequestName> Parse(const v1::GetCapacityRequestRequest& in);
absl::StatusOr<RequestsQuery> Parse(const v1::ListCapacityRequestsRequest& in);
absl::StatusOr<WatchQuery> Parse(const v1::WatchCapacityRequestsRequest& in);
absl::StatusOr<PlanQuery> Parse(const v1::PlanCapacityRequestRequest& in);
absl::StatusOr<OffersQuery> Parse(const v1::ListOffersRequest& in);
absl::StatusOr<OfferName> Parse(const v1::GetOfferRequest& in);
absl::StatusOr<DeskQuery> Parse(const v1::WatchOffersRequest& in);
absl::StatusOr<AgreementName> Parse(const v1::GetAgreementRequest& in);
absl::StatusOr<AgreementsQuery> Parse(const v1::ListAgreementsRequest& in);
absl::StatusOr<VersionsQuery> Parse(const v1::ListAgreementVersionsRequest& in);
absl::StatusOr<ComparisonQuery> Parse(const v1::CompareAgreementVersionsRequest& in);
absl::StatusOr<LintQuery> Parse(const v1::LintAgreementRequest& in);
absl::StatusOr<BesideQuery> Parse(const v1::ListWaiversRequest& in);
absl::StatusOr<BesideQuery> Parse(const v1::ListTriggersRequest& in);
absl::StatusOr<ClauseName> Parse(const v1::GetCommitmentStatementRequest& in);
absl::StatusOr<EntriesQuery> Parse(const v1::ListCommitmentEntriesRequest& in);
absl::StatusOr<DeskQuery> Parse(const v1::GetProviderRequest& in);
absl::StatusOr<ProvidersQuery> Parse(const v1::ListProvidersRequest& in);
absl::StatusOr<DecisionsQuery> Parse(const v1::ListDecisionsRequest& in);
absl::StatusOr<TrailName> Parse(const v1::ExportEvidenceRequest& in);
absl::StatusOr<TrailName> Parse(const v1::GetCheckpointRequest& in);

}  // namespace capbroker
