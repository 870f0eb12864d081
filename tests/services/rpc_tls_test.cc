// Callers known by their certificates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "tests/services/rpc_fixture.h"

namespace capbroker {
namespace {

struct Pem {
  std::string certificate, key;
};

std::string Take(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

void Extend(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// Signs for whoever asks.
class Authority {
 public:
  Authority() : key_(EVP_EC_gen("P-256")), certificate_(Make(key_, "authority", nullptr, "CA:TRUE")) {}
  ~Authority() {
    X509_free(certificate_);
    EVP_PKEY_free(key_);
  }
  std::string certificate() const {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate_);
    return Take(bio);
  }
  Pem Issue(const char* alternative_name) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = Make(key, "party", alternative_name, "CA:FALSE");
    BIO* out = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(out, certificate);
    BIO* key_out = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(key_out, key, nullptr, nullptr, 0, nullptr, nullptr);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return {Take(out), Take(key_out)};
  }

 private:
  X509* Make(EVP_PKEY* key, const char* name, const char* alternative_name, const char* constraints) {
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name), -1,
                               -1, 0);
    X509* issuer = alternative_name == nullptr ? certificate : certificate_;
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    Extend(certificate, issuer, NID_basic_constraints, constraints);
    if (alternative_name != nullptr) Extend(certificate, issuer, NID_subject_alt_name, alternative_name);
    X509_sign(certificate, key_, EVP_sha256());
    return certificate;
  }

  long serial_ = 0;
  EVP_PKEY* const key_;
  X509* certificate_ = nullptr;
};

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
  grpc::Status Call(const Pem& with, const std::string& token_of = "") {
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = authority_.certificate();
    tls.pem_cert_chain = with.certificate;
    tls.pem_private_key = with.key;
    const auto stub =
        v1::ProviderService::NewStub(grpc::CreateChannel(server_->address(), grpc::SslCredentials(tls)));
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
  // Without one, or with one that another signed, no connection comes about.
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
  EXPECT_EQ(Call(impostor.Issue("URI:spiffe://example.org/operator/ada"), "operator/ada").error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TlsTest, FilesThatDoNotBelongTogetherAreRefused) {
  options_.listener.tls_key_file = Write("other-key", authority_.Issue("DNS:x").key);
  const absl::Status status = Server::Start(options_, ledger_, *sequencer_, feed_, clock_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(View(status.message())), ::testing::HasSubstr("is not the key of"));
}

}  // namespace
}  // namespace capbroker
