// Which attempts to deliver an offer become entries of the trail (R2): every attempt is told of,
// few by an entry of their own.
#pragma once

#include <optional>
#include <string>
#include <utility>

namespace capbroker {

// As RecordNotice has it.
struct Notice {
  std::string outcome{};  // Of the last attempt that it tells of.
  std::string text{};     // Which attempts, to where, and what came of them.
  int first = 0, last = 0;
};

// An entry for the first attempt, whenever the outcome changes, whenever as many have gone by as
// were told of before (so the 2nd, 4th, 8th, ...), and at the end for those not told of. After
// kMostEntries, a change of outcome is told of only when it was delivered.
class AttemptLog {
 public:
  static constexpr int kMostEntries = 16;
  static constexpr char kDelivered[] = "DELIVERED";

  // `where` is for the texts.
  explicit AttemptLog(std::string where) : where_(std::move(where)) {}

  // One more attempt; what is to be recorded now.
  std::optional<Notice> Add(const std::string& outcome, const std::string& detail);
  // The offer is over; what is left to be recorded.
  std::optional<Notice> Rest();
  // It could not be recorded: the next entry tells of those attempts too.
  void NotRecorded(const Notice& notice);

 private:
  Notice Tell();

  std::string where_;
  int attempts_ = 0, told_ = 0, entries_ = 0;
  std::string outcome_{}, detail_{};  // Of the last attempt.
  std::string before_{};              // Of those before it that were not told of: "UNAVAILABLE".
};

}  // namespace capbroker
