// The API as its callers see it.
#include "services/rpc/server.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "broker/trail/canonical.h"
#include "tests/services/rpc/rpc_fixture.h"

namespace capbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ServerTest : public RpcTest {
 protected:
  void SetUp() override {
    RpcTest::SetUp();
    RegisterProviders({"azure", "coreweave", "stargate-oracle"});
    RecordAgreement();
  }
};

TEST_F(ServerTest, CarriesARequestFromBeginningToEnd) {
  v1::CapacityRequest request = Create();
  EXPECT_EQ(request.state(), v1::CapacityRequest::STATE_HOLDER_ROUND);
  EXPECT_THAT(request.name(), ::testing::StartsWith("owners/openai/capacityRequests/"));
  ASSERT_EQ(request.offers_size(), 1);
  const v1::Offer asked = request.offers(0);
  EXPECT_EQ(asked.provider(), "providers/azure");
  EXPECT_EQ(asked.kind(), v1::Offer::KIND_FIRST_OFFER);
  EXPECT_EQ(asked.state(), v1::Offer::STATE_OPEN);
  EXPECT_EQ(asked.remaining().seconds(), 7200);
  EXPECT_EQ(asked.clause().agreement(), "owners/openai/agreements/azure-2019");
  EXPECT_EQ(asked.clause().clause_id(), "C2");
  EXPECT_EQ(asked.segments(0).workload_class(), "PRODUCT_INFERENCE");

  v1::Offer answered;
  ASSERT_TRUE(
      offers_->AcceptOffer(As("provider/azure").get(), AcceptOf(asked, 5000), &answered).ok());
  EXPECT_EQ(answered.state(), v1::Offer::STATE_PARTIALLY_ACCEPTED);
  EXPECT_EQ(answered.accepted_quantity(), 5000);
  EXPECT_FALSE(answered.has_remaining());

  v1::GetCapacityRequestRequest get;
  get.set_name(request.name());
  ASSERT_TRUE(requests_->GetCapacityRequest(As("owner/openai").get(), get, &request).ok());
  EXPECT_EQ(request.state(), v1::CapacityRequest::STATE_FALLBACK);
  EXPECT_EQ(request.placed_quantity(), 5000);
  ASSERT_EQ(request.offers_size(), 2);
  EXPECT_EQ(request.offers(1).provider(), "providers/coreweave");
  EXPECT_EQ(request.offers(1).terms().quantity(), 3000);

  ASSERT_TRUE(
      offers_->AcceptOffer(As("provider/coreweave").get(), AcceptOf(request.offers(1)), &answered)
          .ok());
  ASSERT_TRUE(requests_->GetCapacityRequest(As("owner/openai").get(), get, &request).ok());
  EXPECT_EQ(request.state(), v1::CapacityRequest::STATE_FULFILLED);
  EXPECT_EQ(request.confirmed_quantity(), 8000);
  ASSERT_EQ(request.allocations_size(), 2);
  EXPECT_EQ(request.allocations(0).name(), request.name() + "/allocations/1");
  EXPECT_EQ(request.allocations(0).state(), v1::Allocation::STATE_CONFIRMED);
  EXPECT_EQ(request.allocations(0).quantity(), 5000);
  EXPECT_EQ(request.allocations(0).terms().quantity(), 5000);

  EXPECT_FALSE(request.allocations(1).has_end_time());
  Pass(Seconds(10));
  v1::ReleaseAllocationRequest release;
  release.set_name(request.allocations(1).name());
  release.set_request_id(NewKey());
  v1::Allocation released;
  ASSERT_TRUE(requests_->ReleaseAllocation(As("owner/openai").get(), release, &released).ok());
  EXPECT_EQ(released.state(), v1::Allocation::STATE_RELEASED);
  EXPECT_EQ(released.hold_time().seconds(), kNow + 1);
  EXPECT_EQ(released.confirm_time().seconds(), kNow + 1);
  EXPECT_EQ(released.end_time().seconds(), kNow + 11);
}

TEST_F(ServerTest, ARepeatIsAnsweredAsTheFirstCallWas) {
  v1::CreateCapacityRequestRequest create = GoodCreate();
  (*create.mutable_capacity_request()->mutable_labels())["b"] = "2";
  (*create.mutable_capacity_request()->mutable_labels())["a"] = "1";
  v1::CapacityRequest first, again;
  ASSERT_TRUE(requests_->CreateCapacityRequest(As("owner/openai").get(), create, &first).ok());
  v1::Offer answered;
  ASSERT_TRUE(
      offers_->AcceptOffer(As("provider/azure").get(), AcceptOf(first.offers(0)), &answered).ok());
  ASSERT_TRUE(requests_->CreateCapacityRequest(As("owner/openai").get(), create, &again).ok());
  EXPECT_EQ(again.SerializeAsString().size(), first.SerializeAsString().size());
  EXPECT_EQ(again.name(), first.name());
  EXPECT_EQ(again.state(), v1::CapacityRequest::STATE_HOLDER_ROUND);

  create.mutable_capacity_request()->set_splittable(false);
  const grpc::Status other =
      requests_->CreateCapacityRequest(As("owner/openai").get(), create, &again);
  EXPECT_EQ(other.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(ReasonIn(other), "IDEMPOTENCY_CONFLICT");
}

TEST_F(ServerTest, TheSameKeyOfAnotherMethodOrCallerIsAnotherKey) {
  v1::CreateCapacityRequestRequest create = GoodCreate();
  create.set_request_id("same");
  v1::CapacityRequest request;
  ASSERT_TRUE(requests_->CreateCapacityRequest(As("owner/openai").get(), create, &request).ok());
  v1::AcceptOfferRequest accept = AcceptOf(request.offers(0));
  accept.set_request_id("same");
  v1::Offer offer;
  EXPECT_TRUE(offers_->AcceptOffer(As("provider/azure").get(), accept, &offer).ok());
  create.set_parent("owners/other");
  v1::CapacityRequest others;
  EXPECT_TRUE(requests_->CreateCapacityRequest(As("owner/other").get(), create, &others).ok());
  EXPECT_NE(others.name(), request.name());
}

TEST_F(ServerTest, TheDeadlineItselfIsTimelyAndAMicrosecondLaterIsNot) {
  const v1::CapacityRequest first = Create();
  Pass(Hours(2));
  v1::Offer answered;
  EXPECT_TRUE(
      offers_->AcceptOffer(As("provider/azure").get(), AcceptOf(first.offers(0)), &answered).ok());

  const v1::CapacityRequest second = Create();
  Pass(Hours(2) + Span{1});
  const v1::AcceptOfferRequest accept = AcceptOf(second.offers(0));
  for (int repeat = 0; repeat < 2; ++repeat) {
    const grpc::Status late = offers_->AcceptOffer(As("provider/azure").get(), accept, &answered);
    EXPECT_EQ(late.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
    std::map<std::string, std::string> metadata;
    EXPECT_EQ(ReasonIn(late, &metadata), "LATE_ANSWER");
    EXPECT_THAT(metadata["deadline"], HasSubstr("T"));
    EXPECT_LT(metadata["deadline"], metadata["server_time"]);
  }
}

TEST_F(ServerTest, RefusesWhatTheOfferDoesNotAllow) {
  const v1::CapacityRequest request = Create();
  v1::Offer answered;
  const grpc::Status off_step = offers_->AcceptOffer(As("provider/azure").get(),
                                                     AcceptOf(request.offers(0), 5001), &answered);
  EXPECT_EQ(off_step.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldIn(off_step), "quantity");
  v1::AcceptOfferRequest other_terms = AcceptOf(request.offers(0));
  other_terms.set_terms_hash(std::string(32, 'x'));
  EXPECT_EQ(ReasonIn(offers_->AcceptOffer(As("provider/azure").get(), other_terms, &answered)),
            "TERMS_MISMATCH");
  EXPECT_TRUE(
      offers_->AcceptOffer(As("provider/azure").get(), AcceptOf(request.offers(0)), &answered)
          .ok());
  EXPECT_EQ(ReasonIn(offers_->AcceptOffer(As("provider/azure").get(), AcceptOf(request.offers(0)),
                                          &answered)),
            "OFFER_CLOSED");
}

TEST_F(ServerTest, NamesTheFieldsOfDecideAsTheMessageHasThem) {
  v1::CreateCapacityRequestRequest create = GoodCreate();
  create.mutable_capacity_request()->mutable_terms()->mutable_end_time()->set_seconds(
      kStartSeconds - 5);
  v1::CapacityRequest request;
  const grpc::Status status =
      requests_->CreateCapacityRequest(As("owner/openai").get(), create, &request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldIn(status), "capacity_request.terms.end_time");

  v1::CreateAgreementRequest agreement = GoodAgreement();
  agreement.set_agreement_id("another");
  agreement.mutable_first_version()
      ->mutable_clauses(2)
      ->mutable_waiver()
      ->clear_lifted_clause_ids();
  v1::Agreement out;
  const grpc::Status lifts =
      agreements_->CreateAgreement(As("operator/ada").get(), agreement, &out);
  EXPECT_EQ(FieldIn(lifts), "first_version.clauses[2].waiver.lifted_clause_ids")
      << lifts.error_message();
  agreement = GoodAgreement();
  agreement.set_agreement_id("another");
  agreement.mutable_agreement()->set_holder("providers/nobody");
  EXPECT_EQ(FieldIn(agreements_->CreateAgreement(As("operator/ada").get(), agreement, &out)),
            "agreement.holder");
}

TEST_F(ServerTest, ListsRequestsInPages) {
  std::vector<std::string> made;
  for (int i = 0; i < 5; ++i) {
    made.insert(made.begin(), Create().name());
    Pass(Seconds(1));
  }
  v1::CancelCapacityRequestRequest cancel;
  cancel.set_name(made[2]);
  cancel.set_request_id(NewKey());
  v1::CapacityRequest cancelled;
  ASSERT_TRUE(requests_->CancelCapacityRequest(As("owner/openai").get(), cancel, &cancelled).ok());
  EXPECT_EQ(cancelled.state(), v1::CapacityRequest::STATE_CANCELLED);

  v1::ListCapacityRequestsRequest list;
  list.set_parent("owners/openai");
  list.set_page_size(2);
  std::vector<std::string> names;
  std::string first_token;
  do {
    v1::ListCapacityRequestsResponse page;
    ASSERT_TRUE(requests_->ListCapacityRequests(As("auditor/lex").get(), list, &page).ok());
    for (const auto& request : page.capacity_requests()) names.push_back(request.name());
    list.set_page_token(page.next_page_token());
    if (first_token.empty()) first_token = page.next_page_token();
  } while (!list.page_token().empty());
  EXPECT_EQ(names, made);

  list.set_page_size(0);
  list.add_states(v1::CapacityRequest::STATE_CANCELLED);
  v1::ListCapacityRequestsResponse page;
  ASSERT_TRUE(requests_->ListCapacityRequests(As("owner/openai").get(), list, &page).ok());
  ASSERT_EQ(page.capacity_requests_size(), 1);
  EXPECT_EQ(page.capacity_requests(0).name(), made[2]);

  for (const std::string& token : {first_token, std::string("garbage"), std::string("!")}) {
    list.set_page_token(token);  // Of a list without this filter.
    const grpc::Status stale =
        requests_->ListCapacityRequests(As("owner/openai").get(), list, &page);
    EXPECT_EQ(stale.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << token;
    EXPECT_EQ(FieldIn(stale), "page_token");
  }
}

TEST_F(ServerTest, ListsOffersOfOneProvider) {
  const v1::CapacityRequest first = Create();
  Pass(Seconds(1));
  const v1::CapacityRequest second = Create();
  v1::Offer declined;
  ASSERT_TRUE(Decline(first.offers(0), "provider/azure", &declined).ok());
  EXPECT_EQ(declined.decline().reason(), v1::DECLINE_REASON_NO_CAPACITY);

  v1::ListOffersRequest list;
  list.set_parent("providers/azure");
  v1::ListOffersResponse page;
  ASSERT_TRUE(offers_->ListOffers(As("provider/azure").get(), list, &page).ok());
  ASSERT_EQ(page.offers_size(), 2);
  EXPECT_EQ(page.offers(0).name(), second.offers(0).name());
  EXPECT_EQ(page.offers(1).state(), v1::Offer::STATE_DECLINED);
  list.add_states(v1::Offer::STATE_OPEN);
  page.Clear();
  ASSERT_TRUE(offers_->ListOffers(As("provider/azure").get(), list, &page).ok());
  EXPECT_EQ(page.offers_size(), 1);
  list.set_parent("providers/coreweave");
  page.Clear();
  ASSERT_TRUE(offers_->ListOffers(As("operator/ada").get(), list, &page).ok());
  ASSERT_EQ(page.offers_size(), 1);
  EXPECT_EQ(page.offers(0).name(), first.name() + "/offers/2");
}

TEST_F(ServerTest, KeepsAgreementsInVersions) {
  v1::AmendAgreementRequest amend;
  amend.set_name("owners/openai/agreements/azure-2019");
  *amend.mutable_next_version() = GoodVersion();
  amend.mutable_next_version()->mutable_effective_from()->set_seconds(kNow + 100);
  amend.set_base_version(1);
  amend.set_request_id(NewKey());
  v1::Agreement agreement;
  grpc::Status status = agreements_->AmendAgreement(As("operator/ada").get(), amend, &agreement);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(agreement.holder(), "providers/azure");
  EXPECT_EQ(agreement.latest_version().version(), 2);
  EXPECT_EQ(agreement.latest_version().state(), v1::AgreementVersion::STATE_DRAFT);

  amend.set_request_id(NewKey());
  amend.mutable_next_version()->set_text("otherwise");
  status = agreements_->AmendAgreement(As("operator/ada").get(), amend, &agreement);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(ReasonIn(status), "VERSION_CONFLICT");
  amend.set_base_version(7);
  status = agreements_->AmendAgreement(As("operator/ada").get(), amend, &agreement);
  EXPECT_EQ(FieldIn(status), "base_version") << status.error_message();
  amend.set_name("owners/openai/agreements/none");
  EXPECT_EQ(agreements_->AmendAgreement(As("operator/ada").get(), amend, &agreement).error_code(),
            grpc::StatusCode::NOT_FOUND);
  v1::CreateAgreementRequest create = GoodAgreement();
  create.set_request_id(NewKey());
  status = agreements_->CreateAgreement(As("operator/ada").get(), create, &agreement);
  EXPECT_EQ(ReasonIn(status), "RESOURCE_EXISTS") << status.error_message();

  v1::ListAgreementVersionsRequest list;
  list.set_parent("owners/openai/agreements/azure-2019");
  list.set_page_size(1);
  v1::ListAgreementVersionsResponse page;
  ASSERT_TRUE(agreements_->ListAgreementVersions(As("provider/azure").get(), list, &page).ok());
  ASSERT_EQ(page.agreement_versions_size(), 1);
  EXPECT_EQ(page.agreement_versions(0).version(), 2);
  list.set_page_token(page.next_page_token());
  page.Clear();
  ASSERT_TRUE(agreements_->ListAgreementVersions(As("provider/azure").get(), list, &page).ok());
  ASSERT_EQ(page.agreement_versions_size(), 1);
  EXPECT_EQ(page.agreement_versions(0).state(), v1::AgreementVersion::STATE_ACTIVE);
  EXPECT_EQ(page.agreement_versions(0).effective_to().seconds(), kNow + 100);
  EXPECT_THAT(page.next_page_token(), IsEmpty());
  Pass(Seconds(100));
  page.Clear();
  ASSERT_TRUE(agreements_->ListAgreementVersions(As("owner/openai").get(), list, &page).ok());
  EXPECT_EQ(page.agreement_versions(0).state(), v1::AgreementVersion::STATE_SUPERSEDED);
  list.set_page_token("garbage");
  EXPECT_EQ(FieldIn(agreements_->ListAgreementVersions(As("owner/openai").get(), list, &page)),
            "page_token");

  v1::ListAgreementsRequest all;
  all.set_parent("owners/openai");
  v1::ListAgreementsResponse agreements;
  ASSERT_TRUE(agreements_->ListAgreements(As("provider/coreweave").get(), all, &agreements).ok());
  EXPECT_EQ(agreements.agreements_size(), 0);
  ASSERT_TRUE(agreements_->ListAgreements(As("provider/azure").get(), all, &agreements).ok());
  EXPECT_EQ(agreements.agreements_size(), 1);
}

TEST_F(ServerTest, KeepsTheRegistry) {
  v1::UpdateProviderRequest update;
  *update.mutable_provider() = GoodProvider();
  update.mutable_provider()->clear_affiliates();
  update.mutable_provider()->set_name("providers/coreweave");
  update.mutable_update_mask()->add_paths("rates");
  update.set_request_id(NewKey());
  v1::Provider provider;
  ASSERT_TRUE(providers_->UpdateProvider(As("operator/ada").get(), update, &provider).ok());
  EXPECT_EQ(provider.rates_size(), 2);
  EXPECT_EQ(provider.limits_size(), 0);
  EXPECT_THAT(provider.display_name(), IsEmpty());
  v1::Limit& limit = *update.mutable_provider()->add_limits();
  limit.set_resource_type("h100");
  limit.set_region("us-east");
  limit.set_quantity(4000);
  update.mutable_update_mask()->set_paths(0, "limits");
  update.set_request_id(NewKey());
  ASSERT_TRUE(providers_->UpdateProvider(As("operator/ada").get(), update, &provider).ok());
  ASSERT_EQ(provider.limits_size(), 1);
  EXPECT_EQ(provider.limits(0).SerializeAsString(), limit.SerializeAsString());
  EXPECT_EQ(provider.rates_size(), 2);

  v1::SuspendProviderRequest suspend;
  suspend.set_name("providers/coreweave");
  suspend.set_text("does not answer");
  suspend.set_request_id("suspend");
  ASSERT_TRUE(providers_->SuspendProvider(As("operator/ada").get(), suspend, &provider).ok());
  EXPECT_EQ(provider.state(), v1::Provider::STATE_SUSPENDED);
  v1::ResumeProviderRequest resume;
  resume.set_name("providers/coreweave");
  resume.set_text("answers again");
  resume.set_request_id(NewKey());
  ASSERT_TRUE(providers_->ResumeProvider(As("operator/ada").get(), resume, &provider).ok());
  EXPECT_EQ(provider.state(), v1::Provider::STATE_ACTIVE);
  EXPECT_EQ(provider.rates_size(), 2);
  // A repeat is answered as the first call was.
  ASSERT_TRUE(providers_->SuspendProvider(As("operator/ada").get(), suspend, &provider).ok());
  EXPECT_EQ(provider.state(), v1::Provider::STATE_SUSPENDED);

  v1::RegisterProviderRequest again;
  again.set_provider_id("coreweave");
  again.set_request_id(NewKey());
  again.mutable_provider()->set_display_name("Otherwise");
  EXPECT_EQ(ReasonIn(providers_->RegisterProvider(As("operator/ada").get(), again, &provider)),
            "RESOURCE_EXISTS");

  v1::ListProvidersRequest list;
  list.set_page_size(2);
  v1::ListProvidersResponse page;
  ASSERT_TRUE(providers_->ListProviders(As("owner/openai").get(), list, &page).ok());
  ASSERT_EQ(page.providers_size(), 2);
  EXPECT_EQ(page.providers(1).name(), "providers/coreweave");
  EXPECT_EQ(page.providers(1).rates_size(), 0);  // Not an owner's to know.
  list.set_page_token(page.next_page_token());
  page.Clear();
  ASSERT_TRUE(providers_->ListProviders(As("auditor/lex").get(), list, &page).ok());
  ASSERT_EQ(page.providers_size(), 1);
  EXPECT_THAT(page.next_page_token(), IsEmpty());
  list.clear_page_token();
  page.Clear();
  ASSERT_TRUE(providers_->ListProviders(As("provider/coreweave").get(), list, &page).ok());
  ASSERT_EQ(page.providers_size(), 1);
  EXPECT_EQ(page.providers(0).rates_size(), 2);
}

TEST_F(ServerTest, PlansWithoutRecording) {
  v1::PlanCapacityRequestRequest plan;
  plan.set_parent("owners/openai");
  *plan.mutable_capacity_request() = GoodRequest();
  v1::Plan out;
  ASSERT_TRUE(requests_->PlanCapacityRequest(As("owner/openai").get(), plan, &out).ok());
  ASSERT_EQ(out.lineages_size(), 1);
  EXPECT_EQ(out.lineages(0).lineage().route(), v1::ROUTE_FIRST_REFUSAL);
  ASSERT_EQ(out.lineages(0).steps_size(), 2);
  EXPECT_EQ(out.lineages(0).steps(0).provider(), "providers/azure");
  EXPECT_EQ(out.lineages(0).steps(0).clause().clause_id(), "C2");
  EXPECT_EQ(out.lineages(0).steps(1).provider(), "providers/coreweave");
  EXPECT_EQ(out.latest_submit_time().seconds(), kStartSeconds - 10 - 7200);
  plan.mutable_capacity_request()->mutable_needed_by_time()->set_seconds(kNow + 60);
  EXPECT_EQ(ReasonIn(requests_->PlanCapacityRequest(As("owner/openai").get(), plan, &out)),
            "REQUEST_TOO_URGENT");
  v1::ListCapacityRequestsRequest list;
  list.set_parent("owners/openai");
  v1::ListCapacityRequestsResponse page;
  ASSERT_TRUE(requests_->ListCapacityRequests(As("owner/openai").get(), list, &page).ok());
  EXPECT_EQ(page.capacity_requests_size(), 0);
}

TEST_F(ServerTest, LengthensAnOffer) {
  const v1::CapacityRequest request = Create();
  v1::ExtendOfferRequest extend;
  extend.set_name(request.offers(0).name());
  extend.set_request_id(NewKey());
  *extend.mutable_deadline() = request.offers(0).deadline();
  v1::Offer offer;
  ASSERT_TRUE(requests_->ExtendOffer(As("owner/openai").get(), extend, &offer).ok());
  EXPECT_EQ(offer.deadline().seconds(), request.offers(0).deadline().seconds());
  extend.mutable_deadline()->set_seconds(extend.deadline().seconds() + 60);
  extend.set_request_id(NewKey());
  ASSERT_TRUE(requests_->ExtendOffer(As("owner/openai").get(), extend, &offer).ok());
  EXPECT_EQ(offer.deadline().seconds(), request.offers(0).deadline().seconds() + 60);
  EXPECT_EQ(offer.remaining().seconds(), 7260);
  extend.mutable_deadline()->set_seconds(extend.deadline().seconds() - 1);
  extend.set_request_id(NewKey());
  EXPECT_EQ(FieldIn(requests_->ExtendOffer(As("owner/openai").get(), extend, &offer)), "deadline");
}

TEST_F(ServerTest, HandsOutEvidenceThatVerifiesAlone) {
  for (int i = 0; i < 3; ++i) Create();
  v1::ExportEvidenceRequest request;
  request.set_parent("owners/openai");
  const auto context = As("auditor/lex");
  const auto reader = decisions_->ExportEvidence(context.get(), request);
  std::string file;
  for (v1::ExportEvidenceResponse piece; reader->Read(&piece);) file += piece.chunk();
  ASSERT_TRUE(reader->Finish().ok());
  ASSERT_TRUE(file.ends_with("\n"));
  file.pop_back();
  const std::string header = "{\"evidence\":1,\"owner\":\"openai\"}\n";
  ASSERT_TRUE(file.starts_with(header)) << file.substr(0, 100);

  Hash head{};
  uint64_t sequence = 0;
  for (const std::string_view line : Split(std::string_view(file).substr(header.size()), '\n')) {
    const std::string start = Cat("{\"sequence\":", ++sequence, ",\"hash\":\"");
    ASSERT_TRUE(line.starts_with(start)) << line;
    const std::string_view hash = line.substr(start.size(), 64);
    const std::string_view middle = "\",\"body\":";
    ASSERT_EQ(line.substr(start.size() + 64, middle.size()), middle);
    std::string_view body = line.substr(start.size() + 64 + middle.size());
    ASSERT_TRUE(body.ends_with("}}"));
    body.remove_suffix(1);
    head = Chain(head, body);
    EXPECT_EQ(hash, Hex(head));
    EXPECT_TRUE(DecodeAct(body).ok());
  }
  EXPECT_EQ(sequence, 4u);  // The agreement, and three requests.

  v1::GetCheckpointRequest get;
  get.set_owner("owners/openai");
  v1::Checkpoint checkpoint;
  ASSERT_TRUE(decisions_->GetCheckpoint(As("owner/openai").get(), get, &checkpoint).ok());
  EXPECT_EQ(checkpoint.sequence(), 4);
  EXPECT_EQ(checkpoint.hash(), std::string(head.begin(), head.end()));
  get.set_owner("owners/nobody");
  ASSERT_TRUE(decisions_->GetCheckpoint(As("auditor/lex").get(), get, &checkpoint).ok());
  EXPECT_EQ(checkpoint.sequence(), 0);
  EXPECT_EQ(checkpoint.hash(), std::string(32, '\0'));
}

TEST_F(ServerTest, ListsDecisionsBothWays) {
  const v1::CapacityRequest request = Create();
  v1::Offer answered;
  ASSERT_TRUE(
      offers_->AcceptOffer(As("provider/azure").get(), AcceptOf(request.offers(0)), &answered)
          .ok());
  Create();
  v1::ListDecisionsRequest list;
  list.set_parent("owners/openai");
  list.set_page_size(3);
  std::vector<int64_t> sequences;
  v1::ListDecisionsResponse page;
  do {
    page.Clear();
    ASSERT_TRUE(decisions_->ListDecisions(As("owner/openai").get(), list, &page).ok());
    for (const v1::Act& act : page.acts()) sequences.push_back(act.sequence());
    list.set_page_token(page.next_page_token());
  } while (!page.next_page_token().empty());
  EXPECT_THAT(sequences, ElementsAre(1, 2, 3, 4));

  list.clear_page_token();
  list.set_parent(request.name());
  list.set_order(v1::DECISION_ORDER_NEWEST_FIRST);
  list.set_page_size(1);
  page.Clear();
  ASSERT_TRUE(decisions_->ListDecisions(As("owner/openai").get(), list, &page).ok());
  ASSERT_EQ(page.acts_size(), 1);
  EXPECT_EQ(page.acts(0).sequence(), 3);
  EXPECT_EQ(page.acts(0).actor(), "provider/azure");
  EXPECT_EQ(page.acts(0).capacity_request(), request.name());
  EXPECT_EQ(page.acts(0).decisions(0).kind(), "OFFER_ACCEPTED");
  EXPECT_THAT(page.acts(0).body(), HasSubstr(page.acts(0).decisions(0).body()));
  list.set_page_token(page.next_page_token());
  page.Clear();
  ASSERT_TRUE(decisions_->ListDecisions(As("owner/openai").get(), list, &page).ok());
  ASSERT_EQ(page.acts_size(), 1);
  EXPECT_EQ(page.acts(0).sequence(), 2);
  EXPECT_THAT(page.next_page_token(), IsEmpty());
  list.set_order(v1::DECISION_ORDER_OLDEST_FIRST);
  EXPECT_EQ(FieldIn(decisions_->ListDecisions(As("owner/openai").get(), list, &page)),
            "page_token");
  list.clear_page_token();
  list.set_parent("providers");
  list.set_page_size(0);
  page.Clear();
  ASSERT_TRUE(decisions_->ListDecisions(As("operator/ada").get(), list, &page).ok());
  EXPECT_EQ(page.acts_size(), 3);
  EXPECT_EQ(page.acts(0).owner(), "providers");
}

TEST_F(ServerTest, ReadsSayWhenTheLedgerIsAway) {
  const std::string name = Create().name();
  ledger_.SetUnavailable(false, true);
  v1::GetCapacityRequestRequest get;
  get.set_name(name);
  v1::CapacityRequest request;
  const grpc::Status status =
      requests_->GetCapacityRequest(As("owner/openai").get(), get, &request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonIn(status), "LEDGER_UNAVAILABLE");
  ledger_.SetUnavailable(false, false);
  EXPECT_TRUE(requests_->GetCapacityRequest(As("owner/openai").get(), get, &request).ok());
}

TEST_F(ServerTest, NamesWhatIsNotThere) {
  v1::GetCapacityRequestRequest get;
  get.set_name(kRequestName);
  v1::CapacityRequest request;
  std::map<std::string, std::string> metadata;
  grpc::Status status = requests_->GetCapacityRequest(As("owner/openai").get(), get, &request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonIn(status, &metadata), "RESOURCE_NOT_FOUND");
  EXPECT_EQ(metadata["name"], kRequestName);
  v1::CancelCapacityRequestRequest cancel;
  cancel.set_name(kRequestName);
  cancel.set_request_id(NewKey());
  metadata.clear();
  status = requests_->CancelCapacityRequest(As("owner/openai").get(), cancel, &request);
  EXPECT_EQ(ReasonIn(status, &metadata), "RESOURCE_NOT_FOUND") << status.error_message();
  EXPECT_EQ(metadata["name"], kRequestName);
}

// This protobuf refuses such a message before any handler sees it; the reader of texts would too
// (rpc_parse_test.cc).
TEST_F(ServerTest, RefusesTextThatIsNotUtf8) {
  v1::CreateCapacityRequestRequest create = GoodCreate();
  create.mutable_capacity_request()->mutable_terms()->set_conditions(0, "\xff\xfe");
  v1::CapacityRequest request;
  const grpc::Status status =
      requests_->CreateCapacityRequest(As("owner/openai").get(), create, &request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
  EXPECT_EQ(ReasonIn(status), "INVALID_FIELD");
}

TEST_F(ServerTest, RefusesMessagesThatAreTooBig) {
  v1::CreateCapacityRequestRequest create = GoodCreate();
  create.set_request_id(std::string(2 * 1024 * 1024, 'k'));
  v1::CapacityRequest request;
  EXPECT_EQ(
      requests_->CreateCapacityRequest(As("owner/openai").get(), create, &request).error_code(),
      grpc::StatusCode::RESOURCE_EXHAUSTED);
}

}  // namespace
}  // namespace capbroker
