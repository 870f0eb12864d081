// The process's log: one line for each event, on stderr; gRPC's own lines among them.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"

namespace capbroker {

// `format` is text or json, `level` debug, info, warn or error. INVALID_ARGUMENT for others.
//
// Starts a thread, which alone writes: who logs does not wait for whoever reads stderr. Where the
// reader is so slow that thousands of lines wait, the oldest are dropped.
absl::Status SetUpLog(const std::string& format, const std::string& level);
// What was logged is written, or a second has passed; what is logged later is not. For the
// process's last words.
void EndLog();

// While the process runs. INVALID_ARGUMENT as for SetUpLog.
absl::Status SetLogLevel(const std::string& level);
std::string LogLevel();

// A message with fields, as spdlog's payload: json shows each as a member of its own, text as
// `name=value`; those without a value are left out. Names are ours, and plain; values may be
// anything.
std::string Line(std::string_view event,
                 std::initializer_list<std::pair<std::string_view, std::string_view>> fields);

// While one lives, what gRPC says goes to the debug level.
class QuietGrpc {
 public:
  QuietGrpc();
  ~QuietGrpc();
  QuietGrpc(const QuietGrpc&) = delete;
};

}  // namespace capbroker
