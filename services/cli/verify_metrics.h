// What a verification of the database came to, as a file for Prometheus: it runs as a job, and
// nobody can scrape that.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "broker/values/time.h"

namespace capbroker {

struct VerifyFigures {
  uint64_t trails = 0, decisions = 0;  // Read.
  uint64_t findings = 0;
  Span took{};
  Instant ended{};
};

// In the text format, as a textfile collector reads it; the file is replaced whole or not at all.
//
// INVALID_ARGUMENT  the file cannot be written.
absl::Status WriteVerifyMetrics(const std::string& path, const VerifyFigures& figures);

}  // namespace capbroker
