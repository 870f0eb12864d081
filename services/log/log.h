// Log of the process: one line per event on stderr, including gRPC's own lines.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"

namespace capbroker {

// `format` is text or json, `level` debug, info, warn or error; INVALID_ARGUMENT for others.
//
// A separate thread writes, so that loggers do not wait for the reader of stderr. If thousands of
// lines wait, the oldest are dropped.
absl::Status SetUpLog(const std::string& format, const std::string& level);
// Writes the lines that wait and ends the log's thread. False if stderr did not take them within a
// second: the thread still writes, so that the process can end by _Exit only.
bool EndLog();
// After EndLog: one more line on stderr, unless it would not take it either.
void WriteLastLine(std::string_view line);

// Changes the level while the process runs. INVALID_ARGUMENT as for SetUpLog.
absl::Status SetLogLevel(const std::string& level);
std::string LogLevel();

// A message with fields, as spdlog's payload: the json format shows each field as a member, the
// text format as `name=value`; empty fields are left out. Names are plain words; values may be
// anything.
std::string LogLine(std::string_view event,
                    std::initializer_list<std::pair<std::string_view, std::string_view>> fields);

// While an instance exists, gRPC's messages go to the debug level.
class QuietGrpc {
 public:
  QuietGrpc();
  ~QuietGrpc();
  QuietGrpc(const QuietGrpc&) = delete;
};

}  // namespace capbroker
