// Lines of the log: what they contain, and what no caller can put into them.
#include "services/log/log.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>

#include "services/log/trace_id.h"
#include "tests/services/rpc/rpc_fixture.h"

namespace capbroker {
namespace {

// What a process writes to stderr that starts the log, logs and stops it.
std::string Written(const std::string& format, const std::function<void()>& say) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    if (!SetUpLog(format, "info").ok()) _exit(1);
    say();
    EndLog();
    _exit(0);
  }
  close(ends[1]);
  std::string written;
  char bytes[4096];
  for (ssize_t n; (n = read(ends[0], bytes, sizeof bytes)) > 0;)
    written.append(bytes, static_cast<size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  return written;
}

void SayRefused() {
  spdlog::info(LogLine("refused",
                       {{"method", "A/B"}, {"trace_id", ""}, {"detail", "got \"x\"\n\x1fwant y"}}));
}

TEST(LogTest, Json) {
  const std::string line = Written("json", SayRefused);
  EXPECT_EQ(line.substr(line.find(",\"level\"")),
            ",\"level\":\"info\",\"message\":\"refused\",\"method\":\"A/B\",\"detail\":\"got "
            "\\\"x\\\"\\u000a want "
            "y\"}\n");
}

TEST(LogTest, Text) {
  const std::string line = Written("text", SayRefused);
  EXPECT_EQ(line.substr(line.find(' ')),
            " info refused method=A/B detail=\"got \\\"x\\\"\\u000a want y\"\n");
}

TEST(LogTest, TheLevelChangesWhileItRuns) {
  const std::string lines = Written("text", [] {
    spdlog::debug("one");
    if (!SetLogLevel("debug").ok() || LogLevel() != "debug") _exit(2);
    spdlog::debug("two");
    if (SetLogLevel("loud").ok() || !SetLogLevel("error").ok()) _exit(3);
    spdlog::warn("three");
    spdlog::error("four");
  });
  EXPECT_EQ(lines.find("one"), std::string::npos);
  EXPECT_NE(lines.find(" debug two\n"), std::string::npos);
  EXPECT_EQ(lines.find("three"), std::string::npos);
  EXPECT_NE(lines.find(" error four\n"), std::string::npos);
}

TEST(LogTest, EverythingSaidIsWrittenBeforeTheEnd) {
  const std::string lines = Written("text", [] {
    for (int i = 0; i < 5'000; ++i) spdlog::info("line {}", i);
  });
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 5'000);
  EXPECT_NE(lines.find("line 4999\n"), std::string::npos);
}

TEST(TraceIdTest, TheStandardsForm) {
  const std::string trace = "0af7651916cd43dd8448eb211c80319c";
  const std::string rest = trace + "-b7ad6b7169203331-01";
  EXPECT_EQ(ParseTraceParent("00-" + rest), trace);
  EXPECT_EQ(ParseTraceParent("cc-" + rest + "-later"), trace) << "a later version may say more";
  const std::string bad[] = {
      "",
      "00",
      trace,
      "ff-" + rest,
      "00-" + rest + "-more",
      "00-" + rest + "0",
      "00-" + rest.substr(1),
      "0x-" + rest,
      "00_" + rest,
      "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
      "00-0af7651916cd43dd8448eb211c80319\n-b7ad6b7169203331-01",
      "00-00000000000000000000000000000000-b7ad6b7169203331-01",
      "00-" + trace + "-0000000000000000-01",
  };
  for (const std::string& header : bad) EXPECT_EQ(ParseTraceParent(header), "") << header;
}

TEST(TraceIdTest, OneHeaderOrNone) {
  const char* const one = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  EXPECT_EQ(TraceIdOf({{"traceparent", one}}), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(TraceIdOf({{"authorization", one}}), "");
  EXPECT_EQ(TraceIdOf({{"traceparent", one}, {"traceparent", one}}), "");
}

// A broker in this process, and its log.
class CallLogTest : public RpcTest {
 protected:
  CallLogTest() {
    auto logger = std::make_shared<spdlog::logger>(
        "", std::make_shared<spdlog::sinks::ostream_sink_mt>(written_));
    logger->set_pattern("%l %v");
    spdlog::set_default_logger(std::move(logger));
  }
  ~CallLogTest() override { spdlog::set_default_logger(before_); }

  std::ostringstream written_;
  const std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
};

TEST_F(CallLogTest, AFailedCallIsALineWithItsTrace) {
  v1::GetProviderRequest in;
  in.set_name("providers/nobody");
  v1::Provider out;
  const auto context = As("operator/ada");
  context->AddMetadata("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  ASSERT_EQ(providers_->GetProvider(context.get(), in, &out).error_code(), grpc::NOT_FOUND);
  server_->Drain(Seconds(5));
  const std::string lines = written_.str();
  EXPECT_NE(lines.find(LogLine("info refused", {{"method", "ProviderService/GetProvider"}})),
            std::string::npos)
      << lines;
  EXPECT_NE(lines.find(LogLine("", {{"trace_id", "0af7651916cd43dd8448eb211c80319c"}})),
            std::string::npos)
      << lines;
  EXPECT_EQ(lines.find(TokenOf("operator/ada")), std::string::npos) << lines;
}

}  // namespace
}  // namespace capbroker
