#include "services/cli/verify_metrics.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "broker/values/text.h"

namespace capbroker {
namespace {

// Seconds with their decimals: Format's, without the unit.
std::string InSeconds(Span span) {
  std::string text = Format(span);
  text.pop_back();
  return text;
}

}  // namespace

absl::Status WriteVerifyMetrics(const std::string& path, const VerifyFigures& figures) {
  std::string text;
  const auto gauge = [&](const char* name, const char* help, const std::string& value) {
    text += Cat("# HELP capbroker_verify_", name, " ", help, "\n# TYPE capbroker_verify_", name,
                " gauge\ncapbroker_verify_", name, " ", value, "\n");
  };
  gauge("findings", "Differences that the last verification of the database found.",
        Cat(figures.findings));
  gauge("trails", "Trails that it read.", Cat(figures.trails));
  gauge("decisions", "Decisions that it read.", Cat(figures.decisions));
  gauge("duration_seconds", "How long it took.", InSeconds(figures.took));
  gauge("completed_timestamp_seconds", "When it ended, since 1970.",
        InSeconds(figures.ended - Instant{}));
  const std::string unfinished = path + ".new";
  std::ofstream file(unfinished);
  file << text;
  file.close();
  if (file && std::rename(unfinished.c_str(), path.c_str()) == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(Cat("--metrics-file: ", path, ": ", std::strerror(errno)));
}

}  // namespace capbroker
