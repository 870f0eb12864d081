// What a client sent and what it was answered, one JSON line each, so that a crash test can hold
// the trail against it: every command answered OK has to be there exactly once.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace capbroker {

// One call, as a line names it.
struct JournalCall {
  std::string_view method;  // "CreateCapacityRequest".
  std::string_view actor;   // "owner/openai".
  std::string_view request_id;
  std::string_view name;  // Of the resource: known beforehand, or from the answer.
  int attempt = 1;
};

// Not thread-safe. Lines reach the file when it is flushed or closed: the process that is killed in
// a crash test is the broker, not this one.
class Journal {
 public:
  Journal() = default;  // Keeps nothing.
  ~Journal() { Close(); }
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Starts the file anew. INVALID_ARGUMENT if it cannot be written.
  absl::Status Open(const std::string& path);

  void Sent(const JournalCall& call);
  // `state` is that of the resource in the answer; empty if the answer is an error, or does not
  // say: in a session, that of an allocation given back.
  void Answered(const JournalCall& call, std::string_view code, std::string_view state);

  // Whether all of it was written.
  bool Close();

 private:
  void Write(std::string_view event, const JournalCall& call, std::string_view rest);

  std::FILE* file_ = nullptr;
  bool failed_ = false;
};

}  // namespace capbroker
