// LintAgreement says what recording the version would be refused with.
#include <gmock/gmock.h>

#include "tests/services/rpc/rpc_fixture.h"

namespace capbroker {
namespace {

class LintTest : public RpcTest {
 protected:
  void SetUp() override {
    RpcTest::SetUp();
    RegisterProviders({"azure", "coreweave"});
    RecordAgreement();
    v1::GetAgreementRequest get;
    get.set_name("owners/openai/agreements/" + GoodAgreement().agreement_id());
    ASSERT_TRUE(agreements_->GetAgreement(As("operator/ada").get(), get, &recorded_).ok());
  }
  // "SEVERITY_ERROR REFUSED effective_from".
  std::vector<std::string> Findings(const v1::AgreementVersion& version,
                                    const std::string& provider = "providers/azure") {
    v1::LintAgreementRequest ask;
    ask.set_parent("owners/openai");
    ask.set_agreement_id(GoodAgreement().agreement_id());
    ask.set_holder(provider);
    *ask.mutable_version() = version;
    v1::LintAgreementResponse response;
    const grpc::Status status =
        agreements_->LintAgreement(As("operator/ada").get(), ask, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<std::string> findings;
    for (const v1::Finding& finding : response.findings()) {
      if (finding.severity() != v1::Finding::SEVERITY_ERROR) continue;
      findings.push_back(finding.code() + " " + finding.field());
    }
    return findings;
  }

  v1::Agreement recorded_;
};

TEST_F(LintTest, SaysWhatRecordingWouldBeRefusedWith) {
  v1::AgreementVersion next = recorded_.latest_version();
  // The same again changes nothing.
  EXPECT_THAT(Findings(next), ::testing::IsEmpty());
  next.mutable_effective_from()->set_seconds(next.effective_from().seconds() + 1);
  EXPECT_THAT(Findings(next), ::testing::IsEmpty());
  next.mutable_effective_from()->set_seconds(next.effective_from().seconds() - 2);
  EXPECT_THAT(Findings(next), ::testing::ElementsAre("REFUSED effective_from"));
}

TEST_F(LintTest, AnotherHolderIsRefused) {
  v1::AgreementVersion next = recorded_.latest_version();
  next.mutable_effective_from()->set_seconds(next.effective_from().seconds() + 1);
  EXPECT_THAT(Findings(next, "providers/coreweave"), ::testing::ElementsAre("REFUSED holder"));
}

}  // namespace
}  // namespace capbroker
