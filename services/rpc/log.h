// The process's log: one line for each event, on stderr; gRPC's own lines among them.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace capbroker {

// `format` is text or json, `level` debug, info, warn or error. INVALID_ARGUMENT for others.
absl::Status SetUpLog(const std::string& format, const std::string& level);

// While one lives, what gRPC says goes to the debug level.
class QuietGrpc {
 public:
  QuietGrpc();
  ~QuietGrpc();
  QuietGrpc(const QuietGrpc&) = delete;
};

}  // namespace capbroker
