#include "services/log/log.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <limits.h>
#include <poll.h>
#include <spdlog/async.h>
#include <spdlog/formatter.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "broker/values/text.h"
#include "services/log/log_rate_limit.h"

namespace capbroker {
namespace {

constexpr size_t kLinesWaiting = 8'192;
// Separators in a payload, before a field's name and before its value. A message that contains them
// by chance only looks odd.
constexpr char kField = '\x1f', kValue = '\x1e';

std::atomic<int> quiet = 0;
// The log's thread. It is ours and not spdlog's, so that it can end before the loggers do.
std::shared_ptr<spdlog::details::thread_pool>& Writer() {
  static auto* writer = new std::shared_ptr<spdlog::details::thread_pool>;
  return *writer;
}

void Append(spdlog::memory_buf_t& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

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

// Appends a single word as it is, anything else in quotes; always on one line.
void AppendPlain(spdlog::memory_buf_t& out, std::string_view value) {
  const bool word = value.find_first_of(" \"=") == std::string_view::npos;
  if (!word) out.push_back('"');
  AppendJsonText(out, value);
  if (!word) out.push_back('"');
}

// {"time":"2025-02-03T09:00:00.000000Z","level":"info","message":"...","name":"value"}, or
// 2025-02-03T09:00:00.000000Z info ... name=value
class Formatter final : public spdlog::formatter {
 public:
  explicit Formatter(bool json) : json_(json) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    spdlog::memory_buf_t time;
    time_.format(message, time);
    const auto level = spdlog::level::to_string_view(message.level);
    const std::vector<std::string_view> parts =
        Split({message.payload.data(), message.payload.size()}, kField);
    Append(out, json_ ? "{\"time\":\"" : "");
    Append(out, {time.data(), time.size()});
    Append(out, json_ ? "\",\"level\":\"" : " ");
    Append(out, {level.data(), level.size()});
    Append(out, json_ ? "\",\"message\":\"" : " ");
    AppendJsonText(out, parts.front());
    if (json_) out.push_back('"');
    for (size_t i = 1; i < parts.size(); ++i) AppendField(out, parts[i]);
    Append(out, json_ ? "}\n" : "\n");
  }
  std::unique_ptr<formatter> clone() const override { return std::make_unique<Formatter>(json_); }

 private:
  void AppendField(spdlog::memory_buf_t& out, std::string_view field) {
    const size_t at = field.find(kValue);
    const std::string_view name = field.substr(0, at);
    const std::string_view value = at == std::string_view::npos ? "" : field.substr(at + 1);
    Append(out, json_ ? ",\"" : " ");
    AppendJsonText(out, name);
    Append(out, json_ ? "\":\"" : "=");
    if (json_) {
      AppendJsonText(out, value);
      out.push_back('"');
    } else {
      AppendPlain(out, value);
    }
  }

  const bool json_;
  spdlog::pattern_formatter time_{"%Y-%m-%dT%H:%M:%S.%fZ", spdlog::pattern_time_type::utc, ""};
};

void TakeFromGrpc(gpr_log_func_args* args) {
  const bool loud = args->severity == GPR_LOG_SEVERITY_ERROR && quiet == 0;
  if (!loud) return spdlog::debug("grpc: {}", args->message);
  // It complains about callers too, and of each call that was wrong.
  static auto* const limiter = new LogRateLimits;
  const std::optional<uint64_t> others =
      limiter->Admit(Cat(args->file, ":", args->line), absl::ToUnixSeconds(absl::Now()));
  if (others)
    spdlog::warn(
        LogLine(Cat("grpc: ", args->message), {{"and_others", *others == 0 ? "" : Cat(*others)}}));
}

// Protobuf's complaints about callers' input, which the callers get themselves.
void TakeFromProtobuf(google::protobuf::LogLevel /*level*/, const char* /*file*/, int /*line*/,
                      const std::string& message) {
  spdlog::debug("protobuf: {}", message);
}

bool IsLevel(const std::string& level) {
  return level == "debug" || level == "info" || level == "warn" || level == "error";
}

}  // namespace

absl::Status SetUpLog(const std::string& format, const std::string& level) {
  if (format != "text" && format != "json") {
    return absl::InvalidArgumentError(Cat("--log-format: got ", format, ", want text or json"));
  }
  if (!IsLevel(level)) {
    return absl::InvalidArgumentError(
        Cat("--log-level: got ", level, ", want debug, info, warn or error"));
  }
  Writer() = std::make_shared<spdlog::details::thread_pool>(kLinesWaiting, 1);
  auto logger = std::make_shared<spdlog::async_logger>(
      "", std::make_shared<spdlog::sinks::stderr_sink_mt>(), Writer(),
      spdlog::async_overflow_policy::overrun_oldest);
  logger->set_formatter(std::make_unique<Formatter>(format == "json"));
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::info);
  // There is nowhere else to report an error.
  logger->set_error_handler([](const std::string&) {});
  spdlog::set_default_logger(std::move(logger));
  gpr_set_log_function(TakeFromGrpc);
  google::protobuf::SetLogHandler(TakeFromProtobuf);
  return absl::OkStatus();
}

bool EndLog() {
  // The thread writes its queue before it ends. If the reader of stderr has stopped reading, it
  // never ends.
  static std::atomic<bool> is_stuck = false;
  auto ended = std::make_shared<absl::Notification>();
  std::thread([ended, writer = std::exchange(Writer(), nullptr)]() mutable {
    writer.reset();
    ended->Notify();
  }).detach();
  if (!ended->WaitForNotificationWithTimeout(absl::Seconds(1))) is_stuck = true;
  return !is_stuck;
}

void WriteLastLine(std::string_view line) {
  // Not through stdio, whose lock the log's thread may hold for ever.
  pollfd to{STDERR_FILENO, POLLOUT, 0};
  const std::string text = Cat(line.substr(0, PIPE_BUF - 1), "\n");
  if (poll(&to, 1, 0) == 1) (void)!write(STDERR_FILENO, text.data(), text.size());
}

absl::Status SetLogLevel(const std::string& level) {
  if (!IsLevel(level)) {
    return absl::InvalidArgumentError(
        Cat("level: got \"", level, "\", want debug, info, warn or error"));
  }
  spdlog::default_logger_raw()->set_level(spdlog::level::from_str(level));
  return absl::OkStatus();
}

std::string LogLevel() {
  switch (spdlog::default_logger_raw()->level()) {
    case spdlog::level::debug:
      return "debug";
    case spdlog::level::warn:
      return "warn";
    case spdlog::level::err:
      return "error";
    default:
      return "info";
  }
}

std::string LogLine(std::string_view event,
                    std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  std::string line(event);
  for (const auto& [name, value] : fields) {
    if (value.empty()) continue;
    line += kField;
    line += name;
    line += kValue;
    // The separators are not allowed in a value.
    for (const char c : value) line += c == kField || c == kValue ? ' ' : c;
  }
  return line;
}

QuietGrpc::QuietGrpc() { ++quiet; }
QuietGrpc::~QuietGrpc() { --quiet; }

}  // namespace capbroker
