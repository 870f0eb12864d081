#include "storage/failure.h"

#include "broker/values/text.h"

namespace capbroker {

std::string OneLine(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\n' || c == '\r' || c == '\t') c = ' ';
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out += c;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

absl::Status ToStatus(const Failure& failure) {
  const std::string& state = failure.sqlstate;
  const std::string text =
      Cat("database: ", failure.message, state.empty() ? "" : Cat(" [", state, "]"));
  const std::string_view kind = std::string_view(state).substr(0, 2);
  if (state == kFencedState || state == kHeldState)
    return absl::FailedPreconditionError(failure.message);
  if (state == kNoPartitionState) return absl::InvalidArgumentError(failure.message);
  if (state == "XX001" || state == "XX002") return absl::DataLossError(text);
  // 08 connection, 53 resources, 57 administrator or timeout, 58 system error, 40 serialization and
  // deadlock, 25006 standby, 55P03 lock timeout.
  if (failure.lost || kind == "08" || kind == "53" || kind == "57" || kind == "58" ||
      kind == "40" || state == "25006" || state == "55P03") {
    return absl::UnavailableError(text);
  }
  return absl::InternalError(text);
}

}  // namespace capbroker
