// Callers that are identified by their certificates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/services/authority.h"
#include "tests/services/rpc/rpc_fixture.h"

namespace capbroker {
namespace {

class TlsTest : public RpcTest {
 protected:
  void SetUp() override {
    RpcTest::SetUp();
    server_->Stop();
    ours_ = authority_.Issue("DNS:localhost,IP:127.0.0.1");
    options_.listener.insecure_loopback = false;
    options_.listener.tls_cert_file = Write("cert", ours_.certificate);
    options_.listener.tls_key_file = Write("key", ours_.key);
    options_.listener.tls_client_ca_file = Write("ca", authority_.certificate());
    options_.trust_domain = "example.org";
  }
  void TearDown() override {
    RpcTest::TearDown();
    for (const std::string& file : files_) unlink(file.c_str());
  }
  std::string Write(const std::string& name, const std::string& text) {
    files_.push_back(::testing::TempDir() + name + "-" + std::to_string(getpid()) + ".pem");
    std::ofstream(files_.back()) << text;
    return files_.back();
  }
  // Lists the providers with this certificate, or none, and this token, or none.
  grpc::Status Call(const Pem& with, const std::string& token_of = "",
                    const std::string& trusted = "") {
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = trusted.empty() ? authority_.certificate() : trusted;
    tls.pem_cert_chain = with.certificate;
    tls.pem_private_key = with.key;
    const auto stub = v1::ProviderService::NewStub(
        grpc::CreateChannel(server_->address(), grpc::SslCredentials(tls)));
    v1::ListProvidersResponse page;
    return stub->ListProviders(As(token_of).get(), v1::ListProvidersRequest(), &page);
  }

  Authority authority_;
  Pem ours_;
  std::vector<std::string> files_;
};

TEST_F(TlsTest, ACertificateSaysWhoCalls) {
  Listen();
  EXPECT_TRUE(Call(authority_.Issue("URI:spiffe://example.org/operator/ada")).ok());
  const grpc::Status other = Call(authority_.Issue("URI:spiffe://elsewhere.org/operator/ada"));
  EXPECT_EQ(other.error_code(), grpc::StatusCode::UNAUTHENTICATED) << other.error_message();
  EXPECT_EQ(Call(authority_.Issue("URI:spiffe://example.org/broker/x")).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
  // Without a certificate, or with one that another authority signed, no connection comes about.
  EXPECT_EQ(Call({}).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Call({}, "operator/ada").error_code(), grpc::StatusCode::UNAVAILABLE);
  Authority impostor;
  EXPECT_EQ(Call(impostor.Issue("URI:spiffe://example.org/operator/ada")).error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TlsTest, ATokenWillDoWhereACertificateIsOptional) {
  options_.listener.client_certificate_optional = true;
  Listen();
  EXPECT_TRUE(Call({}, "operator/ada").ok());
  EXPECT_EQ(Call({}).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  const Pem ada = authority_.Issue("URI:spiffe://example.org/operator/ada");
  EXPECT_TRUE(Call(ada).ok());
  EXPECT_TRUE(Call(ada, "operator/ada").ok());
  EXPECT_EQ(Call(ada, "auditor/lex").error_code(), grpc::StatusCode::UNAUTHENTICATED);
  Authority impostor;
  EXPECT_EQ(
      Call(impostor.Issue("URI:spiffe://example.org/operator/ada"), "operator/ada").error_code(),
      grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TlsTest, FilesThatDoNotBelongTogetherAreRefused) {
  options_.listener.tls_key_file = Write("other-key", authority_.Issue("DNS:x").key);
  const absl::Status status = Server::Start(options_, ledger_, *sequencer_, feed_, clock_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(View(status.message())), ::testing::HasSubstr("is not the key of"));
}

TEST_F(TlsTest, FilesAreReadAgainWhenTheyChange) {
  Listen();
  const Pem ada = authority_.Issue("URI:spiffe://example.org/operator/ada");
  ASSERT_TRUE(Call(ada).ok());
  // What is wrong changes nothing.
  std::ofstream(options_.listener.tls_cert_file) << "not a certificate\n";
  EXPECT_TRUE(Call(ada).ok());
  // Another authority: the callers of the first are nobody any more, and the broker's own
  // certificate is the second's.
  Authority next;
  const Pem renewed = next.Issue("DNS:localhost,IP:127.0.0.1");
  std::ofstream(options_.listener.tls_cert_file) << renewed.certificate;
  std::ofstream(options_.listener.tls_key_file) << renewed.key;
  std::ofstream(options_.listener.tls_client_ca_file) << next.certificate();
  EXPECT_EQ(Call(ada).error_code(), grpc::StatusCode::UNAVAILABLE);
  const Pem eve = next.Issue("URI:spiffe://example.org/operator/eve");
  EXPECT_TRUE(Call(eve, "", next.certificate()).ok());
}

// The certificate is that of the handshake; the connection may last longer.
TEST_F(TlsTest, AWatchEndsWithTheCertificateOfItsCaller) {
  std::atomic<int64_t> wall = absl::ToUnixMicros(absl::Now());
  options_.wall_clock = [&wall] { return Instant{wall.load()}; };
  Listen();
  feed_.Open();  // Stop, in SetUp, closed it.
  const Pem azure = authority_.Issue("URI:spiffe://example.org/provider/azure");
  const auto stub = v1::OfferService::NewStub(grpc::CreateChannel(
      server_->address(),
      grpc::SslCredentials({authority_.certificate(), azure.key, azure.certificate})));
  // Authority issues for an hour.
  ExpectWatchEndsBy(*stub, As("").get(), [&wall] { wall += Hours(2).micros; });
}

}  // namespace
}  // namespace capbroker
