#include "services/workload/journal.h"

#include "broker/values/text.h"
#include "broker/values/time.h"
#include "services/client/client.h"

namespace capbroker {

absl::Status Journal::Create(const std::string& path) {
  Close();
  file_ = std::fopen(path.c_str(), "w");
  if (file_ == nullptr) {
    return absl::InvalidArgumentError(
        Cat("--journal: got '", path, "', want a file that can be written"));
  }
  return absl::OkStatus();
}

void Journal::Sent(const JournalCall& call) { Write("sent", call, {}); }

void Journal::Answered(const JournalCall& call, std::string_view code, std::string_view state) {
  Write("answered", call, Cat(",\"code\":\"", code, "\",\"state\":\"", state, "\""));
}

void Journal::Write(std::string_view event, const JournalCall& call, std::string_view rest) {
  if (file_ == nullptr) return;
  // Names, ids and codes are ASCII without quotes and need no escaping.
  const std::string line =
      Cat("{\"time\":\"", Format(LocalNow()), "\",\"event\":\"", event, "\",\"method\":\"",
          call.method, "\",\"actor\":\"", call.actor, "\",\"request_id\":\"", call.request_id,
          "\",\"attempt\":", call.attempt, ",\"name\":\"", call.name, "\"", rest, "}\n");
  failed_ |= std::fwrite(line.data(), 1, line.size(), file_) != line.size();
}

bool Journal::Close() {
  if (file_ != nullptr) failed_ |= std::fclose(file_) != 0;
  file_ = nullptr;
  return !failed_;
}

}  // namespace capbroker
