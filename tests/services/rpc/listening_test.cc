// What a connection meets before and beside the API: where the server listens, compression, health,
// reflection, and principals that change.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "grpc/health/v1/health.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "services/rpc/health_service.h"
#include "services/rpc/reflection_service.h"
#include "services/rpc/server.h"
#include "tests/services/rpc/rpc_fixture.h"

namespace capbroker {
namespace {

using ::testing::HasSubstr;

class ListeningTest : public RpcTest {};

TEST_F(ListeningTest, RefusesCompressedMessages) {
  for (const grpc_compression_algorithm algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    const auto context = As("owner/openai");
    context->set_compression_algorithm(algorithm);
    v1::CreateCapacityRequestRequest create = GoodCreate();
    create.mutable_capacity_request()->mutable_terms()->set_conditions(0, std::string(10'000, 'x'));
    v1::CapacityRequest request;
    const grpc::Status status = requests_->CreateCapacityRequest(context.get(), create, &request);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
    EXPECT_THAT(status.error_message(), HasSubstr("is disabled"));
  }
}

TEST_F(ListeningTest, HealthWatchesOfOneConnectionAreBounded) {
  const auto health = grpc::health::v1::Health::NewStub(channel_);
  const grpc::health::v1::HealthCheckRequest check;
  grpc::health::v1::HealthCheckResponse answer;
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<grpc::health::v1::HealthCheckResponse>>> watches;
  for (size_t i = 0; i < kMostHealthWatchesOfConnection; ++i) {
    contexts.push_back(As(""));
    watches.push_back(health->Watch(contexts.back().get(), check));
    ASSERT_TRUE(watches.back()->Read(&answer));
  }
  const auto context = As("");
  const auto refused = health->Watch(context.get(), check);
  EXPECT_FALSE(refused->Read(&answer));
  EXPECT_EQ(refused->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(health->Check(As("").get(), check, &answer).ok());
  contexts[0]->TryCancel();
  watches[0]->Finish();
  for (bool taken = false; !taken;) {  // Once the server has heard that one is over.
    const auto again = As("");
    const auto watch = health->Watch(again.get(), check);
    taken = watch->Read(&answer);
    again->TryCancel();
    watch->Finish();
  }
  for (size_t i = 1; i < watches.size(); ++i) {
    contexts[i]->TryCancel();
    watches[i]->Finish();
  }
}

TEST_F(ListeningTest, DescribesItselfToSoManyAtOnce) {
  using grpc::reflection::v1alpha::ServerReflectionRequest;
  using grpc::reflection::v1alpha::ServerReflectionResponse;
  const auto reflection = grpc::reflection::v1alpha::ServerReflection::NewStub(channel_);
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<
      std::unique_ptr<grpc::ClientReaderWriter<ServerReflectionRequest, ServerReflectionResponse>>>
      streams;
  ServerReflectionRequest question;
  ServerReflectionResponse answer;
  for (size_t i = 0; i <= kMostReflectionStreamsOfConnection; ++i) {
    contexts.push_back(As(""));
    streams.push_back(reflection->ServerReflectionInfo(contexts.back().get()));
    question.set_list_services("");
    streams.back()->Write(question);
    ASSERT_EQ(streams.back()->Read(&answer), i < kMostReflectionStreamsOfConnection);
  }
  EXPECT_EQ(streams.back()->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(answer.list_services_response().service_size(),
            static_cast<int>(ServiceNames().size()) + 1);

  question.set_file_containing_symbol("capbroker.v1.OfferService.AcceptOffer");
  ASSERT_TRUE(streams[0]->Write(question) && streams[0]->Read(&answer));
  std::set<std::string> files;
  for (const std::string& bytes : answer.file_descriptor_response().file_descriptor_proto()) {
    google::protobuf::FileDescriptorProto file;
    ASSERT_TRUE(file.ParseFromString(bytes));
    for (const std::string& imported : file.dependency()) files.insert(imported);
    files.insert(file.name());
  }
  EXPECT_EQ(static_cast<int>(files.size()),
            answer.file_descriptor_response().file_descriptor_proto_size())
      << "every file with all that it imports, each once";
  EXPECT_TRUE(files.contains("capbroker/v1/offer_service.proto"));
  EXPECT_TRUE(files.contains("google/protobuf/timestamp.proto"));
  question.set_file_by_filename("nothing.proto");
  ASSERT_TRUE(streams[0]->Write(question) && streams[0]->Read(&answer));
  EXPECT_EQ(answer.error_response().error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(answer.original_request().file_by_filename(), "nothing.proto");
  for (size_t i = 0; i < kMostReflectionStreamsOfConnection; ++i) {
    ASSERT_TRUE(streams[i]->WritesDone());
    EXPECT_TRUE(streams[i]->Finish().ok());
  }
}

TEST_F(ListeningTest, IsHealthyWhileItServes) {
  const auto health = grpc::health::v1::Health::NewStub(channel_);
  grpc::health::v1::HealthCheckRequest check;
  grpc::health::v1::HealthCheckResponse answer;
  const auto context = As("");
  const auto watch = health->Watch(context.get(), check);
  // The server looks at the sequencer now and then.
  do {
    ASSERT_TRUE(watch->Read(&answer));
  } while (answer.status() != grpc::health::v1::HealthCheckResponse::SERVING);
  for (const char* service :
       {"", "capbroker.v1.OfferService", "capbroker.v1.CapacityRequestService"}) {
    check.set_service(service);
    ASSERT_TRUE(health->Check(As("").get(), check, &answer).ok());
    EXPECT_EQ(answer.status(), grpc::health::v1::HealthCheckResponse::SERVING);
  }
  check.set_service("capbroker.v1.NoSuch");
  EXPECT_EQ(health->Check(As("").get(), check, &answer).error_code(), grpc::StatusCode::NOT_FOUND);
  const auto unknown_context = As("");
  const auto unknown = health->Watch(unknown_context.get(), check);
  ASSERT_TRUE(unknown->Read(&answer));
  EXPECT_EQ(answer.status(), grpc::health::v1::HealthCheckResponse::SERVICE_UNKNOWN);

  server_->Drain(Seconds(30));
  ASSERT_TRUE(watch->Read(&answer));
  EXPECT_EQ(answer.status(), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  EXPECT_FALSE(watch->Read(&answer));
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(unknown->Read(&answer));
}

TEST_F(ListeningTest, ReadsItsPrincipalsAgain) {
  v1::ListProvidersRequest list;
  v1::ListProvidersResponse page;
  ASSERT_TRUE(providers_->ListProviders(As("operator/ada").get(), list, &page).ok());
  {
    std::ofstream out(principals_file_);
    out << "- {role: operator, name: ada}\n";
  }
  EXPECT_FALSE(server_->ReloadPrincipals().ok());
  EXPECT_TRUE(providers_->ListProviders(As("operator/ada").get(), list, &page).ok());
  {
    std::ofstream out(principals_file_);
    out << "- {role: operator, name: ada, token_sha256: " << Hex(Sha256("another")) << "}\n";
  }
  EXPECT_TRUE(server_->ReloadPrincipals().ok());
  EXPECT_EQ(providers_->ListProviders(As("operator/ada").get(), list, &page).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(ListeningTest, SaysThatThePortIsTaken) {
  options_.listener.address = server_->address();
  const absl::Status status = Server::Start(options_, ledger_, *sequencer_, feed_, clock_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(View(status.message())),
              ::testing::AllOf(HasSubstr(server_->address()), HasSubstr("Address already in use")));
}

TEST_F(ListeningTest, ListensOnASocketFile) {
  options_.listener.address =
      "unix:" + ::testing::TempDir() + "capbroker-" + std::to_string(getpid()) + ".sock";
  server_->Stop();
  Listen();
  feed_.Open();
  EXPECT_EQ(server_->address(), options_.listener.address);
  v1::ListProvidersRequest list;
  v1::ListProvidersResponse page;
  EXPECT_TRUE(providers_->ListProviders(As("operator/ada").get(), list, &page).ok());
}

TEST_F(ListeningTest, RefusesToListenUnsafely) {
  const auto start = [&](const ListenerOptions& listener) {
    ServerOptions options = options_;
    options.listener = listener;
    const absl::Status status =
        Server::Start(options, ledger_, *sequencer_, feed_, clock_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(View(status.message()));
  };
  EXPECT_THAT(start({.address = "127.0.0.1:0"}),
              HasSubstr("want --tls-cert and --tls-key, or --insecure-loopback"));
  for (const char* address :
       {"0.0.0.0:0", "[::]:0", "example.org:0", "10.0.0.1:0", ":0", "127.evil.org:0"}) {
    EXPECT_THAT(start({.address = address, .insecure_loopback = true}),
                HasSubstr("--insecure-loopback"))
        << address;
  }
  EXPECT_THAT(start({.address = "127.0.0.1:0", .tls_cert_file = "a"}), HasSubstr("want both"));
  EXPECT_THAT(start({.address = "127.0.0.1:0", .tls_client_ca_file = "a"}),
              HasSubstr("want --tls-cert"));
  EXPECT_THAT(
      start(
          {.address = "127.0.0.1:0", .tls_cert_file = "/nowhere/a", .tls_key_file = "/nowhere/b"}),
      HasSubstr("--tls-cert: /nowhere/a: No such file"));
  EXPECT_THAT(start({.address = "127.0.0.1:0",
                     .tls_cert_file = principals_file_,
                     .tls_key_file = principals_file_}),
              HasSubstr("want PEM"));
}

}  // namespace
}  // namespace capbroker
