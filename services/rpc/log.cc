#include "services/rpc/log.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <spdlog/formatter.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>
#include <string_view>

#include "broker/text.h"

namespace capbroker {
namespace {

std::atomic<int> quiet = 0;

void AppendJsonText(spdlog::memory_buf_t& out, std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    if (static_cast<unsigned char>(c) >= 0x20) {
      out.push_back(c);
      continue;
    }
    const char escaped[] = {'\\', 'u', '0', '0', kDigits[(c >> 4) & 15], kDigits[c & 15]};
    out.append(escaped, escaped + sizeof escaped);
  }
}

// {"time":"2025-02-03T09:00:00.000000Z","level":"info","message":"..."}
class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const auto append = [&](std::string_view text) { out.append(text.data(), text.data() + text.size()); };
    append("{\"time\":\"");
    spdlog::memory_buf_t time;
    time_.format(message, time);
    append({time.data(), time.size()});
    append("\",\"level\":\"");
    const auto level = spdlog::level::to_string_view(message.level);
    append({level.data(), level.size()});
    append("\",\"message\":\"");
    AppendJsonText(out, {message.payload.data(), message.payload.size()});
    append("\"}\n");
  }
  std::unique_ptr<formatter> clone() const override { return std::make_unique<JsonFormatter>(); }

 private:
  spdlog::pattern_formatter time_{"%Y-%m-%dT%H:%M:%S.%fZ", spdlog::pattern_time_type::utc, ""};
};

void TakeFromGrpc(gpr_log_func_args* args) {
  const bool loud = args->severity == GPR_LOG_SEVERITY_ERROR && quiet == 0;
  spdlog::log(loud ? spdlog::level::warn : spdlog::level::debug, "grpc: {}", args->message);
}

// Complaints about what callers sent; they are told themselves.
void TakeFromProtobuf(google::protobuf::LogLevel /*level*/, const char* /*file*/, int /*line*/,
                      const std::string& message) {
  spdlog::debug("protobuf: {}", message);
}

}  // namespace

absl::Status SetUpLog(const std::string& format, const std::string& level) {
  if (format != "text" && format != "json") {
    return absl::InvalidArgumentError(Cat("--log-format: got ", format, ", want text or json"));
  }
  if (level != "debug" && level != "info" && level != "warn" && level != "error") {
    return absl::InvalidArgumentError(Cat("--log-level: got ", level, ", want debug, info, warn or error"));
  }
  auto logger = std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  if (format == "json") {
    logger->set_formatter(std::make_unique<JsonFormatter>());
  } else {
    logger->set_formatter(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%fZ %l %v",
                                                                      spdlog::pattern_time_type::utc));
  }
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
  gpr_set_log_function(TakeFromGrpc);
  google::protobuf::SetLogHandler(TakeFromProtobuf);
  return absl::OkStatus();
}

QuietGrpc::QuietGrpc() { ++quiet; }
QuietGrpc::~QuietGrpc() { --quiet; }

}  // namespace capbroker
