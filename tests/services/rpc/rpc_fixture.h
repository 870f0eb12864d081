// A whole broker in this process: the API over TCP, a real sequencer, a ledger in memory, and a
// clock that stands still until a test moves it.
#pragma once

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <memory>
#include <string>

#include "broker/values/text.h"
#include "capbroker/v1/agreement_service.grpc.pb.h"
#include "capbroker/v1/caller_service.grpc.pb.h"
#include "capbroker/v1/capacity_request_service.grpc.pb.h"
#include "capbroker/v1/decision_service.grpc.pb.h"
#include "capbroker/v1/offer_service.grpc.pb.h"
#include "capbroker/v1/provider_service.grpc.pb.h"
#include "services/rpc/server.h"
#include "storage/memory_ledger.h"
#include "tests/services/rpc/example_messages.h"

namespace capbroker {

// The reason of ErrorInfo; empty if the call went well.
inline std::string ReasonIn(const grpc::Status& status,
                            std::map<std::string, std::string>* metadata = nullptr) {
  google::rpc::Status details;
  details.ParseFromString(status.error_details());
  for (const auto& any : details.details()) {
    google::rpc::ErrorInfo info;
    if (!any.UnpackTo(&info)) continue;
    if (metadata != nullptr) metadata->insert(info.metadata().begin(), info.metadata().end());
    return info.reason();
  }
  return "";
}

// The first field at fault.
inline std::string FieldIn(const grpc::Status& status) {
  google::rpc::Status details;
  details.ParseFromString(status.error_details());
  for (const auto& any : details.details()) {
    google::rpc::BadRequest bad;
    if (any.UnpackTo(&bad)) return bad.field_violations(0).field();
  }
  return "";
}

// A watch of azure's offers ends with UNAUTHENTICATED once `revoke` has run.
inline void ExpectWatchEndsBy(v1::OfferService::Stub& stub, grpc::ClientContext* context,
                              const std::function<void()>& revoke) {
  v1::WatchOffersRequest watch;
  watch.set_parent("providers/azure");
  const auto stream = stub.WatchOffers(context, watch);
  v1::WatchOffersResponse news;
  ASSERT_TRUE(stream->Read(&news));
  revoke();
  EXPECT_FALSE(stream->Read(&news));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

class RpcTest : public ::testing::Test {
 protected:
  static constexpr int64_t kNow = 1'790'000'000;  // In seconds; before the delivery of GoodRequest.

  RpcTest() : ledger_(4, [this] { return Now(); }), clock_([this] { return boot_.load(); }) {}

  // Where the broker writes; a test may have another.
  virtual Ledger& ledger() { return ledger_; }

  void SetUp() override {
    WritePrincipals();
    options_.listener.address = "127.0.0.1:0";
    options_.listener.insecure_loopback = true;
    options_.principals_file = principals_file_;
    sequencer_ = std::make_unique<Sequencer>(ledger(), feed_, clock_,
                                             SequencerOptions{.holder = "test", .address = ""});
    Listen();
    sequencer_->Start(*ledger().Open());
    ASSERT_TRUE(sequencer_->WaitUntilServing(Seconds(30)).ok());
  }

  void TearDown() override {
    if (server_ != nullptr) server_->Drain(Seconds(5));
    sequencer_->Drain();
    server_ = nullptr;
    unlink(principals_file_.c_str());
  }

  void Listen() {
    absl::StatusOr<std::unique_ptr<Server>> server =
        Server::Start(options_, ledger(), *sequencer_, feed_, clock_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    channel_ = grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials());
    requests_ = v1::CapacityRequestService::NewStub(channel_);
    offers_ = v1::OfferService::NewStub(channel_);
    agreements_ = v1::AgreementService::NewStub(channel_);
    providers_ = v1::ProviderService::NewStub(channel_);
    decisions_ = v1::DecisionService::NewStub(channel_);
    callers_ = v1::CallerService::NewStub(channel_);
  }

  void WritePrincipals() {
    std::ofstream out(principals_file_);
    for (const std::string& who : parties_) {
      const std::vector<std::string_view> parts = Split(who, '/');
      out << "- {role: " << parts[0] << ", name: " << parts[1]
          << ", token_sha256: " << Hex(Sha256(TokenOf(who))) << "}\n";
    }
  }
  static std::string TokenOf(const std::string& who) { return "token-of-" + who; }

  // A call in the name of "provider/azure"; empty: of nobody.
  static std::unique_ptr<grpc::ClientContext> As(const std::string& who) {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(std::chrono::system_clock::now() +
                          std::chrono::seconds(60));  // Only against a hang.
    if (!who.empty()) context->AddMetadata("authorization", "Bearer " + TokenOf(who));
    return context;
  }

  Instant Now() const { return {booted_at_.micros + boot_.load()}; }
  void Pass(Span time) { boot_ += time.micros; }

  std::string NewKey() { return "key-" + std::to_string(++keys_); }

  // ---- What most tests begin with.
  void RegisterProviders(std::initializer_list<const char*> names) {
    for (const char* name : names) {
      v1::RegisterProviderRequest add;
      add.set_provider_id(name);
      add.set_request_id(NewKey());
      v1::Provider out;
      const grpc::Status status = providers_->RegisterProvider(As("operator/ada").get(), add, &out);
      ASSERT_TRUE(status.ok()) << status.error_message();
    }
  }
  // azure has a first refusal over everything, two hours long.
  void RecordAgreement() {
    v1::CreateAgreementRequest create = GoodAgreement();
    create.set_request_id(NewKey());
    auto* clauses = create.mutable_first_version()->mutable_clauses();
    clauses->DeleteSubrange(2, clauses->size() - 2);
    clauses->DeleteSubrange(0, 1);
    clauses->Mutable(0)->clear_scope();
    v1::Agreement out;
    const grpc::Status status =
        agreements_->CreateAgreement(As("operator/ada").get(), create, &out);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  v1::CapacityRequest Create() {
    v1::CreateCapacityRequestRequest create = GoodCreate();
    create.set_request_id(NewKey());
    v1::CapacityRequest out;
    const grpc::Status status =
        requests_->CreateCapacityRequest(As("owner/openai").get(), create, &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out;
  }
  v1::AcceptOfferRequest AcceptOf(const v1::Offer& offer, int64_t quantity = 0) {
    v1::AcceptOfferRequest accept;
    accept.set_name(offer.name());
    accept.set_request_id(NewKey());
    accept.set_terms_hash(offer.terms_hash());
    accept.set_quantity(quantity);
    return accept;
  }
  grpc::Status Decline(const v1::Offer& offer, const std::string& who, v1::Offer* out) {
    v1::DeclineOfferRequest decline;
    decline.set_name(offer.name());
    decline.set_request_id(NewKey());
    decline.mutable_decline()->set_reason(v1::DECLINE_REASON_NO_CAPACITY);
    return offers_->DeclineOffer(As(who).get(), decline, out);
  }

  const std::string principals_file_ =
      ::testing::TempDir() + "principals-" + std::to_string(getpid()) + ".yaml";
  // Who may call, and when the machine started; a test with its own sets them before SetUp.
  std::vector<std::string> parties_ = {"owner/openai",
                                       "owner/other",
                                       "provider/azure",
                                       "provider/coreweave",
                                       "provider/stargate-oracle",
                                       "operator/ada",
                                       "auditor/lex"};
  Instant booted_at_{kNow * 1'000'000};
  std::atomic<int64_t> boot_ = 1'000'000;
  MemoryLedger ledger_;
  Feed feed_;
  Clock clock_;
  ServerOptions options_;
  std::unique_ptr<Sequencer> sequencer_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::CapacityRequestService::Stub> requests_;
  std::unique_ptr<v1::OfferService::Stub> offers_;
  std::unique_ptr<v1::AgreementService::Stub> agreements_;
  std::unique_ptr<v1::ProviderService::Stub> providers_;
  std::unique_ptr<v1::DecisionService::Stub> decisions_;
  std::unique_ptr<v1::CallerService::Stub> callers_;
  int keys_ = 0;
};

}  // namespace capbroker
