// How the broker verifies the provider that it calls, and how it identifies itself.
#include "tests/services/authority.h"
#include "tests/services/delivery/delivery_fixture.h"

namespace capbroker {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class DeliveryTlsTest : public DeliveryTest {
 protected:
  void SetUp() override {
    DeliveryTest::SetUp();
    const Pem ours = authority_.Issue("URI:spiffe://example.org/broker/one");
    delivery_options_.caller = {.ca_file = Write("ca", authority_.certificate()),
                                .cert_file = Write("cert", ours.certificate),
                                .key_file = Write("key", ours.key)};
  }
  void TearDown() override {
    DeliveryTest::TearDown();
    for (const std::string& file : files_) unlink(file.c_str());
  }
  std::string Write(const std::string& name, const std::string& text) {
    files_.push_back(::testing::TempDir() + "delivery-" + name + "-" + std::to_string(getpid()) +
                     ".pem");
    std::ofstream(files_.back()) << text;
    return files_.back();
  }
  // A server that requires the broker's certificate and shows this one.
  std::shared_ptr<grpc::ServerCredentials> Showing(const Pem& own) {
    grpc::SslServerCredentialsOptions tls(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    tls.pem_root_certs = authority_.certificate();
    tls.pem_key_cert_pairs.push_back({own.key, own.certificate});
    return grpc::SslServerCredentials(tls);
  }
  // The outcome of an offer to a provider that shows `own` and is registered under `server_name`.
  std::string OutcomeOf(const Pem& own, const std::string& server_name) {
    CalledDesk desk(AcceptAll);
    desk.Open(Showing(own));
    Deliver();
    const std::string provider = "provider-" + std::to_string(++providers_made_);
    Register(provider, desk.address(), server_name);
    const v1::CapacityRequest request = CreateFor(provider);
    const Trail trail = AwaitTrail(request, [](const Trail& now) {
      return std::any_of(now.begin(), now.end(),
                         [](const auto& e) { return e.starts_with("NOTICE_"); });
    });
    const auto notice = std::find_if(trail.begin(), trail.end(),
                                     [](const auto& e) { return e.starts_with("NOTICE_"); });
    EXPECT_EQ(desk.visits().size(), *notice == "NOTICE_ATTEMPTED DELIVERED" ? 1 : 0);
    EXPECT_EQ(desk.peer(), desk.visits().empty() ? "" : "spiffe://example.org/broker/one");
    MoveTo(provider, "");  // Another test may get its port next.
    return notice->substr(notice->find(' ') + 1);
  }

  Authority authority_;
  std::vector<std::string> files_;
  int providers_made_ = 0;
};

TEST_F(DeliveryTlsTest, TheCertificateHasToNameTheProvider) {
  const Pem azure =
      authority_.Issue("URI:spiffe://example.org/provider/azure,DNS:desk.azure.example");
  EXPECT_EQ(OutcomeOf(azure, "spiffe://example.org/provider/azure"), "DELIVERED");
  EXPECT_EQ(OutcomeOf(azure, "desk.azure.example"), "DELIVERED");
  EXPECT_EQ(OutcomeOf(authority_.Issue("IP:127.0.0.1"), ""), "DELIVERED");
  EXPECT_EQ(OutcomeOf(azure, "spiffe://example.org/provider/coreweave"), "UNAVAILABLE");
  EXPECT_EQ(OutcomeOf(azure, "spiffe://example.org/provider/azur"), "UNAVAILABLE");
  EXPECT_EQ(OutcomeOf(azure, "desk.coreweave.example"), "UNAVAILABLE");
  EXPECT_EQ(OutcomeOf(azure, ""), "UNAVAILABLE") << "it does not name 127.0.0.1";
  Authority impostor;
  EXPECT_EQ(OutcomeOf(impostor.Issue("URI:spiffe://example.org/provider/azure"),
                      "spiffe://example.org/provider/azure"),
            "UNAVAILABLE");
}

TEST_F(DeliveryTlsTest, PlainTextIsForThisMachineAndOnlyWhereTheBrokerWasTold) {
  CalledDesk desk(AcceptAll);
  desk.Open();
  delivery_options_.caller = {};
  Deliver();
  Register("azure", desk.address());
  const v1::CapacityRequest refused = CreateFor("azure");
  AwaitTrail(refused, "NOTICE_ATTEMPTED FAILED_PRECONDITION");
  EXPECT_THAT(texts_, Contains(HasSubstr("--provider-ca")));
  EXPECT_EQ(desk.visits().size(), 0);

  delivery_options_.caller.insecure_loopback = true;
  Register("named", desk.address(), "desk.azure.example");
  Register("elsewhere", "desk.azure.example:7430");
  Deliver();
  AwaitTrail(CreateFor("named"), "NOTICE_ATTEMPTED FAILED_PRECONDITION");
  AwaitTrail(CreateFor("elsewhere"), "NOTICE_ATTEMPTED FAILED_PRECONDITION");
  AwaitTrail(refused, "REQUEST_FULFILLED");
}

TEST_F(DeliveryTlsTest, FilesThatDoNotBelongTogetherAreRefused) {
  delivery_options_.caller.key_file = Write("other", authority_.Issue("DNS:x").key);
  const absl::Status status =
      Delivery::Start(delivery_options_, ledger_, *sequencer_, feed_, clock_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(View(status.message())), HasSubstr("is not the key of"));
  delivery_options_.caller.cert_file = "";
  EXPECT_THAT(
      std::string(View(Delivery::Start(delivery_options_, ledger_, *sequencer_, feed_, clock_)
                           .status()
                           .message())),
      HasSubstr("--provider-cert"));
}

}  // namespace
}  // namespace capbroker
