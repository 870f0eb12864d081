// Journal of a client's commands and answers, one JSON line each, against which a crash test checks
// the trail: every command answered OK must be in the trail exactly once.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace capbroker {

// One call, as a line of the journal names it.
struct JournalCall {
  std::string_view method;  // "CreateCapacityRequest".
  std::string_view actor;   // "owner/openai".
  std::string_view request_id;
  std::string_view name;  // Of the resource: known before the call, or from the answer.
  int attempt = 1;
};

// Not thread-safe. Lines reach the file when it is flushed or closed: a crash test kills the
// broker, not this process.
class Journal {
 public:
  Journal() = default;  // Records nothing.
  ~Journal() { Close(); }
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Creates or truncates the file. INVALID_ARGUMENT if it cannot be written.
  absl::Status Create(const std::string& path);

  void Sent(const JournalCall& call);
  // `state` is the resource's state in the answer. Empty if the answer is an error or does not say,
  // as in a session for a released allocation.
  void Answered(const JournalCall& call, std::string_view code, std::string_view state);

  // Returns whether everything was written.
  bool Close();

 private:
  void Write(std::string_view event, const JournalCall& call, std::string_view rest);

  std::FILE* file_ = nullptr;
  bool failed_ = false;
};

}  // namespace capbroker
