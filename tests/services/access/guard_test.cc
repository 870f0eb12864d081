// Authorization of every method for every role, over gRPC.
#include "services/access/guard.h"

#include <gtest/gtest.h>

#include <functional>

#include "capbroker/v1/session_service.grpc.pb.h"
#include "tests/services/rpc/rpc_fixture.h"

namespace capbroker {
namespace {

using grpc::StatusCode;

struct Row {
  const char* method;
  std::function<grpc::Status(grpc::ClientContext*)> call;
  // The status that each caller gets: openai and azure are the parties, other and coreweave are
  // not.
  StatusCode openai, other, azure, coreweave, ada, lex;
};

class GuardTest : public RpcTest {
 protected:
  void SetUp() override {
    RpcTest::SetUp();
    RegisterProviders({"azure", "coreweave"});
    RecordAgreement();
    request_ = Create();
  }

  template <class Stub, class In, class Out>
  std::function<grpc::Status(grpc::ClientContext*)> Unary(
      Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const In&, Out*),
      const std::function<void(In&)>& fill) {
    return [this, &stub, method, fill](grpc::ClientContext* context) {
      In in;
      fill(in);
      if constexpr (requires { in.set_request_id(""); }) in.set_request_id(NewKey());
      Out out;
      return (stub.*method)(context, in, &out);
    };
  }
  // Status of a stream, after its first message.
  template <class Reader>
  static grpc::Status FirstOf(grpc::ClientContext* context, Reader reader, auto message) {
    if (reader->Read(&message)) {
      context->TryCancel();
      while (reader->Read(&message)) {
      }
      reader->Finish();
      return grpc::Status::OK;
    }
    return reader->Finish();
  }

  v1::CapacityRequest request_;
};

TEST_F(GuardTest, HoldsForEveryRoleAndMethod) {
  constexpr StatusCode kOk = StatusCode::OK, kDenied = StatusCode::PERMISSION_DENIED,
                       kHidden = StatusCode::NOT_FOUND, kState = StatusCode::FAILED_PRECONDITION,
                       kTaken = StatusCode::ALREADY_EXISTS;
  using Requests = v1::CapacityRequestService::Stub;
  using Offers = v1::OfferService::Stub;
  using Agreements = v1::AgreementService::Stub;
  using Providers = v1::ProviderService::Stub;
  using Decisions = v1::DecisionService::Stub;
  const auto sessions = v1::SessionService::NewStub(channel_);
  const std::string offer = request_.offers(0).name();
  const std::string agreement = "owners/openai/agreements/azure-2019";
  const auto trigger = [&](auto& in) {
    in.set_name(agreement + "/triggers/C7");
    in.set_text("why");
  };
  const auto name = [](const std::string& value) {
    return [value](auto& in) { in.set_name(value); };
  };
  const auto parent = [](const std::string& value) {
    return [value](auto& in) { in.set_parent(value); };
  };

  const std::vector<Row> table = {
      // Reads come first. The changes come at the end, in an order in which all of them are still
      // possible.
      {"GetCapacityRequest",
       Unary<Requests, v1::GetCapacityRequestRequest>(*requests_, &Requests::GetCapacityRequest,
                                                      name(request_.name())),
       kOk, kHidden, kDenied, kDenied, kOk, kOk},
      {"ListCapacityRequests",
       Unary<Requests, v1::ListCapacityRequestsRequest>(*requests_, &Requests::ListCapacityRequests,
                                                        parent("owners/openai")),
       kOk, kDenied, kDenied, kDenied, kOk, kOk},
      {"WatchCapacityRequests",
       [this](grpc::ClientContext* context) {
         v1::WatchCapacityRequestsRequest in;
         in.set_parent("owners/openai");
         return FirstOf(context, requests_->WatchCapacityRequests(context, in),
                        v1::WatchCapacityRequestsResponse());
       },
       kOk, kDenied, kDenied, kDenied, kOk, kOk},
      {"PlanCapacityRequest",
       Unary<Requests, v1::PlanCapacityRequestRequest>(*requests_, &Requests::PlanCapacityRequest,
                                                       [](auto& in) {
                                                         in.set_parent("owners/openai");
                                                         *in.mutable_capacity_request() =
                                                             GoodRequest();
                                                       }),
       kOk, kDenied, kDenied, kDenied, kOk, kDenied},
      {"ListOffers",
       Unary<Offers, v1::ListOffersRequest>(*offers_, &Offers::ListOffers,
                                            parent("providers/azure")),
       kDenied, kDenied, kOk, kDenied, kOk, kOk},
      {"GetOffer", Unary<Offers, v1::GetOfferRequest>(*offers_, &Offers::GetOffer, name(offer)),
       kOk, kHidden, kOk, kHidden, kOk, kOk},
      {"WatchOffers",
       [this](grpc::ClientContext* context) {
         v1::WatchOffersRequest in;
         in.set_parent("providers/azure");
         return FirstOf(context, offers_->WatchOffers(context, in), v1::WatchOffersResponse());
       },
       kDenied, kDenied, kOk, kDenied, kOk, kOk},
      {"GetAgreement",
       Unary<Agreements, v1::GetAgreementRequest>(*agreements_, &Agreements::GetAgreement,
                                                  name(agreement)),
       kOk, kHidden, kOk, kHidden, kOk, kOk},
      {"ListAgreements",
       Unary<Agreements, v1::ListAgreementsRequest>(*agreements_, &Agreements::ListAgreements,
                                                    parent("owners/openai")),
       kOk, kDenied, kOk, kOk, kOk, kOk},
      {"ListAgreementVersions",
       Unary<Agreements, v1::ListAgreementVersionsRequest>(
           *agreements_, &Agreements::ListAgreementVersions, parent(agreement)),
       kOk, kHidden, kOk, kHidden, kOk, kOk},
      {"GetProvider",
       Unary<Providers, v1::GetProviderRequest>(*providers_, &Providers::GetProvider,
                                                name("providers/azure")),
       kOk, kOk, kOk, kHidden, kOk, kOk},
      {"ListProviders",
       Unary<Providers, v1::ListProvidersRequest>(*providers_, &Providers::ListProviders,
                                                  [](auto&) {}),
       kOk, kOk, kOk, kOk, kOk, kOk},
      {"ListDecisions",
       Unary<Decisions, v1::ListDecisionsRequest>(*decisions_, &Decisions::ListDecisions,
                                                  parent("owners/openai")),
       kOk, kDenied, kDenied, kDenied, kOk, kOk},
      {"ListDecisions of a request",
       Unary<Decisions, v1::ListDecisionsRequest>(*decisions_, &Decisions::ListDecisions,
                                                  parent(request_.name())),
       kOk, kDenied, kDenied, kDenied, kOk, kOk},
      {"ListDecisions of the registry",
       Unary<Decisions, v1::ListDecisionsRequest>(*decisions_, &Decisions::ListDecisions,
                                                  parent("providers")),
       kDenied, kDenied, kDenied, kDenied, kOk, kOk},
      {"ExportEvidence",
       [this](grpc::ClientContext* context) {
         v1::ExportEvidenceRequest in;
         in.set_parent("owners/openai");
         return FirstOf(context, decisions_->ExportEvidence(context, in),
                        v1::ExportEvidenceResponse());
       },
       kOk, kDenied, kDenied, kDenied, kOk, kOk},
      {"GetCheckpoint",
       Unary<Decisions, v1::GetCheckpointRequest>(*decisions_, &Decisions::GetCheckpoint,
                                                  [](auto& in) { in.set_owner("owners/openai"); }),
       kOk, kDenied, kDenied, kDenied, kOk, kOk},
      {"GetCaller",
       Unary<v1::CallerService::Stub, v1::GetCallerRequest>(
           *callers_, &v1::CallerService::Stub::GetCaller, [](auto&) {}),
       kOk, kOk, kOk, kOk, kOk, kOk},
      {"OwnerSession",
       [&](grpc::ClientContext* context) {
         auto session = sessions->OwnerSession(context);
         v1::OwnerSessionRequest in;
         in.set_parent("owners/openai");
         session->Write(in);
         return FirstOf(context, std::move(session), v1::OwnerSessionResponse());
       },
       kOk, kDenied, kDenied, kDenied, kDenied, kDenied},
      {"ProviderSession",
       [&](grpc::ClientContext* context) {
         auto session = sessions->ProviderSession(context);
         v1::ProviderSessionRequest in;
         in.set_parent("providers/azure");
         session->Write(in);
         return FirstOf(context, std::move(session), v1::ProviderSessionResponse());
       },
       kDenied, kDenied, kOk, kDenied, kDenied, kDenied},
      {"CompareAgreementVersions",
       Unary<Agreements, v1::CompareAgreementVersionsRequest>(*agreements_,
                                                              &Agreements::CompareAgreementVersions,
                                                              [&](auto& in) {
                                                                in.set_name(agreement);
                                                                in.set_base_version(1);
                                                                in.set_version(1);
                                                              }),
       kOk, kHidden, kOk, kHidden, kOk, kOk},

      {"TerminateAgreement",
       Unary<Agreements, v1::TerminateAgreementRequest>(
           *agreements_, &Agreements::TerminateAgreement,
           [](auto& in) {
             in.set_name("owners/openai/agreements/none");
             in.mutable_end_time()->set_seconds(4'000'000'000);
             in.set_text("a settlement");
           }),
       kHidden, kHidden, kHidden, kHidden, kDenied, kDenied},
      {"LintAgreement",
       Unary<Agreements, v1::LintAgreementRequest>(*agreements_, &Agreements::LintAgreement,
                                                   [](auto& in) {
                                                     in.set_parent("owners/openai");
                                                     in.set_agreement_id("azure-2019");
                                                     *in.mutable_version() = GoodVersion();
                                                   }),
       kOk, kDenied, kDenied, kDenied, kOk, kDenied},
      {"ListWaivers",
       Unary<Agreements, v1::ListWaiversRequest>(*agreements_, &Agreements::ListWaivers,
                                                 parent(agreement)),
       kOk, kHidden, kOk, kHidden, kOk, kOk},
      {"ListTriggers",
       Unary<Agreements, v1::ListTriggersRequest>(*agreements_, &Agreements::ListTriggers,
                                                  parent(agreement)),
       kOk, kHidden, kOk, kHidden, kOk, kOk},
      // This agreement has no commitment and no trigger, and those who may know of them are told
      // so.
      {"GetCommitmentStatement",
       Unary<Agreements, v1::GetCommitmentStatementRequest>(
           *agreements_, &Agreements::GetCommitmentStatement, name(agreement + "/commitments/C4")),
       kHidden, kHidden, kHidden, kHidden, kHidden, kHidden},
      {"ListCommitmentEntries",
       Unary<Agreements, v1::ListCommitmentEntriesRequest>(
           *agreements_, &Agreements::ListCommitmentEntries, parent(agreement + "/commitments/C4")),
       kHidden, kHidden, kHidden, kHidden, kHidden, kHidden},
      {"AssertTrigger",
       Unary<Agreements, v1::AssertTriggerRequest>(*agreements_, &Agreements::AssertTrigger,
                                                   trigger),
       kHidden, kHidden, kHidden, kHidden, kDenied, kHidden},
      {"DisputeTrigger",
       Unary<Agreements, v1::DisputeTriggerRequest>(*agreements_, &Agreements::DisputeTrigger,
                                                    trigger),
       kHidden, kHidden, kHidden, kHidden, kDenied, kDenied},
      {"ResolveDispute",
       Unary<Agreements, v1::ResolveDisputeRequest>(*agreements_, &Agreements::ResolveDispute,
                                                    trigger),
       kDenied, kDenied, kDenied, kDenied, kHidden, kDenied},
      {"AttestTrigger",
       Unary<Agreements, v1::AttestTriggerRequest>(*agreements_, &Agreements::AttestTrigger,
                                                   trigger),
       kHidden, kHidden, kHidden, kHidden, kDenied, kHidden},
      {"WithdrawTrigger",
       Unary<Agreements, v1::WithdrawTriggerRequest>(*agreements_, &Agreements::WithdrawTrigger,
                                                     trigger),
       kHidden, kHidden, kHidden, kHidden, kDenied, kHidden},

      {"AmendCapacityRequest",
       Unary<Requests, v1::AmendCapacityRequestRequest>(*requests_, &Requests::AmendCapacityRequest,
                                                        [&](auto& in) {
                                                          in.set_name(request_.name());
                                                          *in.mutable_capacity_request() =
                                                              GoodRequest();
                                                        }),
       kOk, kHidden, kDenied, kDenied, kDenied, kDenied},
      {"AcceptCounter",
       Unary<Requests, v1::AcceptCounterRequest>(*requests_, &Requests::AcceptCounter, name(offer)),
       kState, kHidden, kDenied, kDenied, kDenied, kDenied},
      {"LeaveCounter",
       Unary<Requests, v1::LeaveCounterRequest>(*requests_, &Requests::LeaveCounter, name(offer)),
       kState, kHidden, kDenied, kDenied, kDenied, kDenied},
      {"CounterOffer",
       Unary<Offers, v1::CounterOfferRequest>(*offers_, &Offers::CounterOffer,
                                              [&](auto& in) {
                                                in.set_name(offer);
                                                *in.mutable_terms() = request_.offers(0).terms();
                                              }),
       kDenied, kDenied, kState, kHidden, kDenied, kDenied},
      {"SubmitBid",
       Unary<Offers, v1::SubmitBidRequest>(*offers_, &Offers::SubmitBid,
                                           [&](auto& in) {
                                             in.set_name(offer);
                                             *in.mutable_bid()->mutable_terms() =
                                                 request_.offers(0).terms();
                                           }),
       kDenied, kDenied, kState, kHidden, kDenied, kDenied},

      {"CreateCapacityRequest",
       Unary<Requests, v1::CreateCapacityRequestRequest>(
           *requests_, &Requests::CreateCapacityRequest, [](auto& in) { in = GoodCreate(); }),
       kOk, kDenied, kDenied, kDenied, kDenied, kDenied},
      {"ExtendOffer",
       Unary<Requests, v1::ExtendOfferRequest>(*requests_, &Requests::ExtendOffer,
                                               [&](auto& in) {
                                                 in.set_name(offer);
                                                 *in.mutable_deadline() =
                                                     request_.offers(0).deadline();
                                               }),
       kOk, kHidden, kDenied, kDenied, kDenied, kDenied},
      {"TollOffer",
       Unary<Offers, v1::TollOfferRequest>(*offers_, &Offers::TollOffer,
                                           [&](auto& in) {
                                             in.set_name(offer);
                                             in.mutable_added()->set_seconds(1);
                                             in.set_text("why");
                                           }),
       kDenied, kDenied, kDenied, kDenied, kOk, kDenied},
      {"AcceptOffer",
       Unary<Offers, v1::AcceptOfferRequest>(*offers_, &Offers::AcceptOffer,
                                             [&](auto& in) { in = AcceptOf(request_.offers(0)); }),
       kDenied, kDenied, kOk, kHidden, kDenied, kDenied},
      {"DeclineOffer",
       Unary<Offers, v1::DeclineOfferRequest>(*offers_, &Offers::DeclineOffer,
                                              [&](auto& in) {
                                                in.set_name(offer);
                                                in.mutable_decline()->set_reason(
                                                    v1::DECLINE_REASON_OTHER);
                                              }),
       kDenied, kDenied, kState, kHidden, kDenied, kDenied},  // Accepted above.
      {"VoidOffer",
       Unary<Offers, v1::VoidOfferRequest>(*offers_, &Offers::VoidOffer,
                                           [&](auto& in) {
                                             in.set_name(offer);
                                             in.set_text("why");
                                           }),
       kDenied, kDenied, kDenied, kDenied, kState, kDenied},
      {"ConfirmAllocation",
       Unary<Offers, v1::ConfirmAllocationRequest>(*offers_, &Offers::ConfirmAllocation,
                                                   name(request_.name() + "/allocations/1")),
       kDenied, kDenied, kOk, kHidden, kDenied, kDenied},
      {"WithdrawAllocation",
       Unary<Offers, v1::WithdrawAllocationRequest>(*offers_, &Offers::WithdrawAllocation,
                                                    name(request_.name() + "/allocations/1")),
       kDenied, kDenied, kState, kHidden, kDenied, kDenied},
      {"ReleaseAllocation",
       Unary<Requests, v1::ReleaseAllocationRequest>(*requests_, &Requests::ReleaseAllocation,
                                                     name(request_.name() + "/allocations/1")),
       kOk, kHidden, kDenied, kDenied, kDenied, kDenied},
      {"CancelCapacityRequest",
       Unary<Requests, v1::CancelCapacityRequestRequest>(
           *requests_, &Requests::CancelCapacityRequest, name(request_.name())),
       kOk, kHidden, kDenied, kDenied, kDenied, kDenied},  // All of it was released above.
      {"GrantWaiver",
       Unary<Agreements, v1::GrantWaiverRequest>(*agreements_, &Agreements::GrantWaiver,
                                                 [&](auto& in) {
                                                   in.set_parent(agreement);
                                                   v1::Clause& clause =
                                                       *in.mutable_waiver()->mutable_clause();
                                                   clause.set_id("W1");
                                                   clause.mutable_waiver()->add_lifted_clause_ids(
                                                       "C2");
                                                 }),
       kDenied, kDenied, kOk, kHidden, kDenied, kDenied},
      {"RevokeWaiver",
       Unary<Agreements, v1::RevokeWaiverRequest>(*agreements_, &Agreements::RevokeWaiver,
                                                  name(agreement + "/waivers/W1")),
       kDenied, kDenied, kOk, kHidden, kDenied, kDenied},
      {"CreateAgreement",
       Unary<Agreements, v1::CreateAgreementRequest>(*agreements_, &Agreements::CreateAgreement,
                                                     [](auto& in) { in = GoodAgreement(); }),
       kDenied, kDenied, kDenied, kDenied, kTaken, kDenied},
      {"AmendAgreement",
       Unary<Agreements, v1::AmendAgreementRequest>(*agreements_, &Agreements::AmendAgreement,
                                                    [&](auto& in) {
                                                      in.set_name(agreement);
                                                      *in.mutable_next_version() = GoodVersion();
                                                      in.mutable_next_version()
                                                          ->clear_effective_from();
                                                    }),
       kDenied, kDenied, kDenied, kDenied, kOk, kDenied},
      {"RegisterProvider",
       Unary<Providers, v1::RegisterProviderRequest>(*providers_, &Providers::RegisterProvider,
                                                     [](auto& in) { in = GoodRegister(); }),
       kDenied, kDenied, kDenied, kDenied, kOk, kDenied},
      {"UpdateProvider",
       Unary<Providers, v1::UpdateProviderRequest>(
           *providers_, &Providers::UpdateProvider,
           [](auto& in) { in.mutable_provider()->set_name("providers/azure"); }),
       kDenied, kDenied, kDenied, kDenied, kOk, kDenied},
      {"SuspendProvider",
       Unary<Providers, v1::SuspendProviderRequest>(*providers_, &Providers::SuspendProvider,
                                                    [](auto& in) {
                                                      in.set_name("providers/azure");
                                                      in.set_text("why");
                                                    }),
       kDenied, kDenied, kDenied, kDenied, kOk, kDenied},
      {"ReportHealth",
       Unary<Providers, v1::ReportHealthRequest>(*providers_, &Providers::ReportHealth,
                                                 [](auto& in) {
                                                   in.set_name("providers/azure");
                                                   in.set_text("why");
                                                 }),
       kDenied, kDenied, kDenied, kDenied, kOk, kDenied},
      {"ResumeProvider",
       Unary<Providers, v1::ResumeProviderRequest>(*providers_, &Providers::ResumeProvider,
                                                   [](auto& in) {
                                                     in.set_name("providers/azure");
                                                     in.set_text("why");
                                                   }),
       kDenied, kDenied, kDenied, kDenied, kOk, kDenied},
  };
  for (const Row& row : table) {
    const std::pair<const char*, StatusCode> callers[] = {
        // Callers without permission come first: anything that they could change would show in what
        // the others get.
        {"", StatusCode::UNAUTHENTICATED}, {"owner/stranger", StatusCode::UNAUTHENTICATED},
        {"owner/other", row.other},        {"provider/coreweave", row.coreweave},
        {"auditor/lex", row.lex},          {"operator/ada", row.ada},
        {"owner/openai", row.openai},      {"provider/azure", row.azure},
    };
    for (const auto& [who, want] : callers) {
      const grpc::Status got = row.call(As(who).get());
      EXPECT_EQ(got.error_code(), want)
          << row.method << " by " << who << ": " << got.error_message();
      if (want == kDenied) {
        EXPECT_EQ(ReasonIn(got), "NOT_PERMITTED") << row.method << " by " << who;
      }
      if (want == kHidden) {
        EXPECT_EQ(ReasonIn(got), "RESOURCE_NOT_FOUND") << row.method << " by " << who;
      }
      if (want == StatusCode::UNAUTHENTICATED) {
        EXPECT_EQ(ReasonIn(got), "NO_IDENTITY") << row.method << " by " << who;
      }
    }
  }
}

// Another party's resource is answered like a resource that does not exist.
TEST_F(GuardTest, DoesNotTellAnothersFromNone) {
  v1::GetCapacityRequestRequest get;
  v1::CapacityRequest out;
  const auto told = [&](const std::string& name) {
    get.set_name(name);
    const grpc::Status status = requests_->GetCapacityRequest(As("owner/other").get(), get, &out);
    std::string message = status.error_message();
    return std::pair(status.error_code(), message.erase(message.find(name), name.size()));
  };
  EXPECT_EQ(told(request_.name()), told(kRequestName));
  v1::GetOfferRequest get_offer;
  v1::Offer offer;
  const auto told_offer = [&](const std::string& name) {
    get_offer.set_name(name);
    const grpc::Status status =
        offers_->GetOffer(As("provider/coreweave").get(), get_offer, &offer);
    std::string message = status.error_message();
    return std::pair(status.error_code(), message.erase(message.find(name), name.size()));
  };
  EXPECT_EQ(told_offer(request_.offers(0).name()),
            told_offer(std::string(kRequestName) + "/offers/1"));
  EXPECT_EQ(told_offer(request_.offers(0).name()), told_offer(request_.name() + "/offers/9"));
}

TEST(Guard, RolesWithoutAnEntryMayNothing) {
  for (size_t i = 0; i < kMethods; ++i) {
    for (const Role role : {Role::kNone, Role::kBroker}) {
      EXPECT_FALSE(CheckRole({role, "x"}, static_cast<Method>(i)).ok());
      EXPECT_FALSE(CheckTarget({role, "x"}, static_cast<Method>(i), OwnerId{"x"}).ok());
      EXPECT_FALSE(CheckTarget({role, "x"}, static_cast<Method>(i), ProviderId{"x"}).ok());
    }
  }
}

}  // namespace
}  // namespace capbroker
