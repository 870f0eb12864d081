// How a client shows a refusal to its caller, and what a client refuses to do.
#include "services/client/client.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <map>

#include "broker/values/refusal.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/services/rpc/rpc_fixture.h"

namespace capbroker {
namespace {

template <class... Details>
grpc::Status Refused(grpc::StatusCode code, const std::string& message, const Details&... details) {
  google::rpc::Status all;
  all.set_code(code);
  (all.add_details()->PackFrom(details), ...);
  return grpc::Status(code, message, all.SerializeAsString());
}

google::rpc::ErrorInfo Info(const std::string& reason,
                            const std::map<std::string, std::string>& facts) {
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  for (const auto& [key, value] : facts) (*info.mutable_metadata())[key] = value;
  return info;
}

TEST(CliExplain, ReasonAndFactsInOneLine) {
  const CallError error =
      Explain(Refused(grpc::StatusCode::FAILED_PRECONDITION, "too late",
                      Info("LATE_ANSWER", {{"server_time", "B"}, {"deadline", "A"}})));
  EXPECT_EQ(error.line, "LATE_ANSWER: too late (deadline A, server_time B)");
  EXPECT_EQ(error.reason, "LATE_ANSWER");
  EXPECT_EQ(error.exit_code, kExitRefused);
}

TEST(CliExplain, EveryFieldAtFault) {
  google::rpc::BadRequest bad;
  auto* first = bad.add_field_violations();
  first->set_field("terms.end_time");
  first->set_description("got X, want Y");
  auto* second = bad.add_field_violations();
  second->set_field("segments[1]");
  second->set_description("segments[1]: got 0, want 1");
  const CallError error = Explain(
      Refused(grpc::StatusCode::INVALID_ARGUMENT, "2 fields", Info("INVALID_FIELD", {}), bad));
  EXPECT_EQ(error.line, "INVALID_FIELD: terms.end_time: got X, want Y; segments[1]: got 0, want 1");
  EXPECT_EQ(error.exit_code, kExitUsage);
}

TEST(CliExplain, WhenToTryAgain) {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(250'000'000);
  const CallError error =
      Explain(Refused(grpc::StatusCode::RESOURCE_EXHAUSTED, "busy", Info("OVERLOADED", {}), retry));
  EXPECT_EQ(error.line, "OVERLOADED: busy; try again after 0.25s");
  EXPECT_EQ(error.exit_code, kExitUnavailable);
}

TEST(CliExplain, WithoutDetailsTheCodeIsTheReason) {
  EXPECT_EQ(Explain(grpc::Status(grpc::StatusCode::UNAVAILABLE, "a\nb")).line, "UNAVAILABLE: a b");
  EXPECT_EQ(Explain(grpc::Status(grpc::StatusCode::INTERNAL, "")).exit_code, kExitFault);
  EXPECT_EQ(Explain(grpc::Status(grpc::StatusCode::NOT_FOUND, "")).exit_code, kExitRefused);
  EXPECT_EQ(Explain(grpc::Status(static_cast<grpc::StatusCode>(99), "x")).line, "UNKNOWN: x");
  EXPECT_EQ(Explain(Invalid("--price", "x", "an amount")).line, "--price: got x, want an amount");
  EXPECT_EQ(Explain(Invalid("--price", "x", "an amount")).exit_code, kExitUsage);
}

TEST(CliConnect, RefusesWhatWouldGoOutInPlainTextOrHalfConfigured) {
  struct Case {
    ClientOptions options;
    std::string error;  // The beginning of the error; empty if there is a channel.
  };
  const auto with = [](auto change) {
    ClientOptions options;
    change(options);
    return options;
  };
  for (const Case& c : std::initializer_list<Case>{
           {ClientOptions{}, ""},
           {with([](auto& o) { o.target = "[::1]:7420"; }), ""},
           {with([](auto& o) { o.target = "unix:/tmp/x"; }), ""},
           {with([](auto& o) { o.target = "broker.example:7420"; }),
            ""},  // TLS, with the system's roots.
           {with([](auto& o) {
              o.target = "broker.example:7420";
              o.insecure_loopback = true;
            }),
            "--insecure-loopback: got broker.example:7420"},
           {with([](auto& o) {
              o.target = "127.example.org:7420";
              o.insecure_loopback = true;
            }),
            "--insecure-loopback: got 127.example.org:7420"},
           {with([](auto& o) { o.tls_cert_file = "x.pem"; }), "--tls-key: got nothing"},
           {with([](auto& o) { o.tls_ca_file = "/nonexistent/ca.pem"; }),
            "--tls-ca: got /nonexistent/ca.pem"},
           {with([](auto& o) { o.token_file = "/nonexistent/token"; }),
            "--token-file: got /nonexistent/token"},
           {with([](auto& o) { o.token = "two words"; }), "--token: got a character"},
           {with([](auto& o) { o.deadline = Span{}; }), "--deadline: got 0s"},
       }) {
    ClientOptions options = c.options;
    const auto channel = Connect(options);
    const std::string error = channel.ok() ? "" : std::string(channel.status().message());
    EXPECT_EQ(error.substr(0, c.error.size()), c.error) << options.target << ": " << error;
    EXPECT_EQ(channel.ok(), c.error.empty()) << options.target << ": " << error;
  }
}

TEST(CliConnect, TheTokenIsReadFromItsFile) {
  const std::string path = testing::TempDir() + "/capbroker_token";
  std::ofstream(path) << "cb_abc\n";
  ClientOptions options{.token_file = path};
  ASSERT_TRUE(Connect(options).ok());
  EXPECT_EQ(options.token, "cb_abc");
  std::remove(path.c_str());
}

TEST(CliConnect, WhiteSpaceAroundTargetAndTokenIsRemoved) {
  ClientOptions options{.target = "127.0.0.1:7420\n", .token = "cb_abc\r\n"};
  ASSERT_TRUE(Connect(options).ok());
  EXPECT_EQ(options.target, "127.0.0.1:7420");
  EXPECT_EQ(options.token, "cb_abc");
}

class ConnectTest : public RpcTest {};

// A plain call, and the token with it, would go through the proxy of the environment. Nothing
// listens at this one.
TEST_F(ConnectTest, PlainTextPassesTheProxyBy) {
  for (const char* name : {"http_proxy", "https_proxy", "grpc_proxy"})
    setenv(name, "http://127.0.0.1:1", 1);
  ClientOptions options{.target = server_->address(), .token = TokenOf("operator/ada")};
  const auto channel = Connect(options);
  for (const char* name : {"http_proxy", "https_proxy", "grpc_proxy"}) unsetenv(name);
  ASSERT_TRUE(channel.ok());
  v1::ListProvidersResponse page;
  const grpc::Status status = v1::ProviderService::NewStub(*channel)->ListProviders(
      NewContext(options).get(), v1::ListProvidersRequest(), &page);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

}  // namespace
}  // namespace capbroker
