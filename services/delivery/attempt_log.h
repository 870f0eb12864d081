// Decides which attempts to deliver an offer become entries of the trail (R2): every attempt is
// reported, few by an entry of their own.
#pragma once

#include <optional>
#include <string>
#include <utility>

namespace capbroker {

// The content of a RecordNotice command.
struct Notice {
  std::string outcome{};  // Of the last attempt that it reports.
  std::string text{};     // Which attempts, to which address, and their outcome.
  int first = 0, last = 0;
};

// An entry is due for the first attempt, whenever the outcome changes, whenever the number of
// attempts has doubled since the last entry (the 2nd, 4th, 8th, ...), and at the end for attempts
// not reported yet. After kMostEntries entries, a change of outcome is reported only if it is a
// delivery.
class AttemptLog {
 public:
  static constexpr int kMostEntries = 16;
  static constexpr char kDelivered[] = "DELIVERED";

  // `where` is the address that the texts name.
  explicit AttemptLog(std::string where) : where_(std::move(where)) {}

  // Adds an attempt. Returns the entry that is now due.
  std::optional<Notice> Add(const std::string& outcome, const std::string& detail);
  // The offer has ended: returns the entry for attempts not reported yet.
  std::optional<Notice> Flush();
  // The entry could not be recorded: the next one reports its attempts too.
  void NotRecorded(const Notice& notice);

 private:
  Notice Tell();

  std::string where_;
  int attempts_ = 0, told_ = 0, entries_ = 0;
  std::string outcome_{}, detail_{};  // Of the last attempt.
  std::string before_{};  // Outcome of earlier attempts that were not reported: "UNAVAILABLE".
};

}  // namespace capbroker
