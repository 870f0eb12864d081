// AgreementService: agreements between owners and providers, recorded by operators and readable by
// both parties.
#pragma once

#include "capbroker/v1/agreement_service.grpc.pb.h"
#include "services/rpc/backend.h"
#include "services/rpc/call.h"

namespace capbroker {

class AgreementService final : public v1::AgreementService::CallbackService {
 public:
  explicit AgreementService(Backend& backend) : backend_(backend) {}

 private:
  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;

  Reactor* CreateAgreement(Context* context, const v1::CreateAgreementRequest* in,
                           v1::Agreement* out) override;
  Reactor* TerminateAgreement(Context* context, const v1::TerminateAgreementRequest* in,
                              v1::Agreement* out) override;
  Reactor* GetAgreement(Context* context, const v1::GetAgreementRequest* in,
                        v1::Agreement* out) override;
  Reactor* ListAgreements(Context* context, const v1::ListAgreementsRequest* in,
                          v1::ListAgreementsResponse* out) override;
  Reactor* AmendAgreement(Context* context, const v1::AmendAgreementRequest* in,
                          v1::Agreement* out) override;
  Reactor* ListAgreementVersions(Context* context, const v1::ListAgreementVersionsRequest* in,
                                 v1::ListAgreementVersionsResponse* out) override;

  Reactor* CompareAgreementVersions(Context* context, const v1::CompareAgreementVersionsRequest* in,
                                    v1::CompareAgreementVersionsResponse* out) override;
  Reactor* LintAgreement(Context* context, const v1::LintAgreementRequest* in,
                         v1::LintAgreementResponse* out) override;
  Reactor* GrantWaiver(Context* context, const v1::GrantWaiverRequest* in,
                       v1::GrantedWaiver* out) override;
  Reactor* RevokeWaiver(Context* context, const v1::RevokeWaiverRequest* in,
                        v1::GrantedWaiver* out) override;
  Reactor* ListWaivers(Context* context, const v1::ListWaiversRequest* in,
                       v1::ListWaiversResponse* out) override;
  Reactor* AssertTrigger(Context* context, const v1::AssertTriggerRequest* in,
                         v1::TriggerAssertion* out) override;
  Reactor* DisputeTrigger(Context* context, const v1::DisputeTriggerRequest* in,
                          v1::TriggerAssertion* out) override;
  Reactor* ResolveDispute(Context* context, const v1::ResolveDisputeRequest* in,
                          v1::TriggerAssertion* out) override;
  Reactor* AttestTrigger(Context* context, const v1::AttestTriggerRequest* in,
                         v1::TriggerAssertion* out) override;
  Reactor* WithdrawTrigger(Context* context, const v1::WithdrawTriggerRequest* in,
                           v1::TriggerAssertion* out) override;
  Reactor* ListTriggers(Context* context, const v1::ListTriggersRequest* in,
                        v1::ListTriggersResponse* out) override;
  Reactor* GetCommitmentStatement(Context* context, const v1::GetCommitmentStatementRequest* in,
                                  v1::CommitmentStatement* out) override;
  Reactor* ListCommitmentEntries(Context* context, const v1::ListCommitmentEntriesRequest* in,
                                 v1::ListCommitmentEntriesResponse* out) override;

  // A provider sees the agreements that it holds.
  static bool MaySee(const Actor& caller, const AgreementVersion& version) {
    return caller.role != Role::kProvider || version.holder.value == caller.name;
  }
  // The error for a provider that is no party to the agreement: the agreement does not exist.
  absl::Status Told(const Actor& caller, const ClauseName& name, const std::string& subject,
                    const absl::Status& status);
  // Commands about a trigger.
  template <class In>
  Reactor* ActOnTrigger(Context* context, Method method, const In& in, v1::TriggerAssertion* out);

  // Renders the agreement as it was after the outcome's act, or as it is if nothing had to change.
  absl::Status RenderOutcome(const AgreementName& name, const Outcome& outcome, v1::Agreement* out);

  Backend& backend_;
};

}  // namespace capbroker
