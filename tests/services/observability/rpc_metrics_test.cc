// Every call is counted once, under a name of a bounded set and with the status that its caller
// got.
#include "services/observability/rpc_metrics.h"

#include <grpcpp/generic/generic_stub.h>
#include <prometheus/text_serializer.h>

#include "absl/synchronization/notification.h"
#include "tests/services/rpc/rpc_fixture.h"

namespace capbroker {
namespace {

class RpcMetricsTest : public RpcTest {
 protected:
  void SetUp() override {
    options_.witness = [this] { return metrics_.MakeWitness(); };
    RpcTest::SetUp();
  }

  std::string Text() const { return prometheus::TextSerializer().Serialize(metrics_.Collect()); }
  bool Has(const std::string& line) const { return Text().find(line + "\n") != std::string::npos; }

  // Sends bytes to any method, and returns the status.
  grpc::Status CallRaw(const std::string& method, const std::string& bytes) {
    grpc::GenericStub stub(channel_);
    grpc::Slice slice(bytes);
    grpc::ByteBuffer in(&slice, 1), out;
    absl::Notification done;
    grpc::Status status;
    const auto context = As("operator/ada");
    stub.UnaryCall(context.get(), method, {}, &in, &out, [&](grpc::Status its) {
      status = std::move(its);
      done.Notify();
    });
    done.WaitForNotification();
    return status;
  }

  RpcMetrics metrics_{ServiceNames()};
};

TEST_F(RpcMetricsTest, StartedHandledAndTook) {
  const std::string get =
      R"(grpc_type="unary",grpc_service="capbroker.v1.ProviderService",grpc_method="GetProvider")";
  EXPECT_TRUE(Has("grpc_server_started_total{" + get + "} 0")) << Text();
  RegisterProviders({"azure"});
  v1::Provider out;
  v1::GetProviderRequest in;
  in.set_name("providers/azure");
  ASSERT_TRUE(providers_->GetProvider(As("operator/ada").get(), in, &out).ok());
  ASSERT_TRUE(providers_->GetProvider(As("operator/ada").get(), in, &out).ok());
  in.set_name("providers/nobody");
  ASSERT_EQ(providers_->GetProvider(As("operator/ada").get(), in, &out).error_code(),
            grpc::NOT_FOUND);
  ASSERT_EQ(providers_->GetProvider(As("").get(), in, &out).error_code(), grpc::UNAUTHENTICATED);
  EXPECT_TRUE(Has("grpc_server_started_total{" + get + "} 4")) << Text();
  EXPECT_TRUE(Has("grpc_server_handled_total{" + get + R"(,grpc_code="OK"} 2)")) << Text();
  EXPECT_TRUE(Has("grpc_server_handled_total{" + get + R"(,grpc_code="NotFound"} 1)")) << Text();
  EXPECT_TRUE(Has("grpc_server_handled_total{" + get + R"(,grpc_code="Unauthenticated"} 1)"))
      << Text();
  EXPECT_TRUE(Has("grpc_server_handling_seconds_count{" + get + "} 4")) << Text();
  EXPECT_TRUE(Has("grpc_server_handling_seconds_bucket{" + get + R"(,le="+Inf"} 4)")) << Text();
}

TEST_F(RpcMetricsTest, AStreamIsOneCall) {
  const std::string watch =
      R"(grpc_type="server_stream",grpc_service="capbroker.v1.OfferService",grpc_method="WatchOffers")";
  RegisterProviders({"azure"});
  v1::WatchOffersRequest in;
  in.set_parent("providers/azure");
  const auto context = As("provider/azure");
  auto reader = offers_->WatchOffers(context.get(), in);
  v1::WatchOffersResponse message;
  ASSERT_TRUE(reader->Read(&message));
  EXPECT_TRUE(Has("grpc_server_started_total{" + watch + "} 1")) << Text();
  EXPECT_TRUE(Has("grpc_server_handled_total{" + watch + R"(,grpc_code="OK"} 0)")) << Text();
  server_->Drain(Seconds(5));
  EXPECT_EQ(reader->Finish().error_code(), grpc::UNAVAILABLE);
  EXPECT_TRUE(Has("grpc_server_handled_total{" + watch + R"(,grpc_code="Unavailable"} 1)"))
      << Text();
}

TEST_F(RpcMetricsTest, WhatNoServiceAnswersIsUnknown) {
  for (const char* method :
       {"/capbroker.v1.OfferService/Nothing", "/no.such.Service/Get", "/x/y"}) {
    EXPECT_EQ(CallRaw(method, "").error_code(), grpc::UNIMPLEMENTED);
  }
  const std::string unknown = R"(grpc_type="unary",grpc_service="unknown",grpc_method="unknown")";
  EXPECT_TRUE(Has("grpc_server_handled_total{" + unknown + R"(,grpc_code="Unimplemented"} 3)"))
      << Text();
  EXPECT_EQ(Text().find("no.such"), std::string::npos);
}

TEST_F(RpcMetricsTest, TheStatusIsTheOneThatTheCallerSaw) {
  EXPECT_EQ(CallRaw("/capbroker.v1.ProviderService/GetProvider", "\xff\xff").error_code(),
            grpc::INVALID_ARGUMENT);
  EXPECT_TRUE(Has(
      R"(grpc_server_handled_total{grpc_type="unary",grpc_service="capbroker.v1.ProviderService",)"
      R"(grpc_method="GetProvider",grpc_code="InvalidArgument"} 1)"))
      << Text();
}

}  // namespace
}  // namespace capbroker
