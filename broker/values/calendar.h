// R3: time that counts only while a party is at work.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "broker/values/time.h"
#include "broker/values/window.h"

namespace capbroker {

// A stretch of every week, in the calendar's own time zone: minutes after midnight in
// [start_minute, end_minute); `end_minute` is 1440 at most.
struct WeeklyHours {
  int64_t weekday = 0;  // ISO 8601: Monday is 1, Sunday 7.
  int64_t start_minute = 0;
  int64_t end_minute = 0;
  bool operator==(const WeeklyHours&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("end_minute", self.end_minute);
    field("start_minute", self.start_minute);
    field("weekday", self.weekday);
  }
};

// A holder's business calendar. It is part of an agreement version, and so has that version's
// number and never changes.
struct Calendar {
  std::string id{};         // Named by clauses: a clause's name's letters.
  std::string time_zone{};  // Of the IANA database: "America/Los_Angeles".
  std::vector<WeeklyHours>
      hours{};  // Ascending by weekday and `start_minute`, without overlap; at least one.
  std::vector<std::string>
      holidays{};  // Whole local days that do not count, "2025-07-04", ascending, each once.
  bool operator==(const Calendar&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("holidays", self.holidays);
    field("hours", self.hours);
    field("id", self.id);
    field("time_zone", self.time_zone);
  }
};

// A stretch of UTC, [from, to), that counts.
struct Interval {
  Instant from{}, to{};
  bool operator==(const Interval&) const = default;
};

// `calendar` may be null in all of these: then every instant counts, and business days never pass.
// So it is where this machine does not know the calendar's time zone (KnowsZone).

// The deadline of a window that begins at `from`. Of a length of time: the instant at which it has
// passed in counted time, the earliest such. Of business days: the closing time on the last of
// them. kLastInstant if that never comes, or would come later.
Instant AddWindow(const Calendar* calendar, Instant from, const Window& window);
// How much of [from, to) counts; zero if `to` is not after `from`.
Span Counted(const Calendar* calendar, Instant from, Instant to);
// How many business days there are after the local day of `from`, to the one in which `to` is or
// which it ends.
int64_t CountedDays(const Calendar* calendar, Instant from, Instant to);
// The latest `from` whose window ends by `by`: the inverse of AddWindow. Unset if there is none
// after 1970.
Instant LatestStart(const Calendar* calendar, Instant by, const Window& window);
// The arithmetic of AddWindow interval by interval: what counted, in order, at most `most` of them.
// Of business days each is one, from its midnight to the next, the last to the deadline.
std::vector<Interval> ExplainWindow(const Calendar* calendar, Instant from, const Window& window,
                                    size_t most = 1000);

// Whether this machine's time zone database has the calendar's zone. It was there when the
// agreement was recorded.
bool KnowsZone(const Calendar& calendar);

// INVALID_ARGUMENT naming the field below `at` ("calendars[0].time_zone") with got and want.
absl::Status Validate(const Calendar& calendar, const std::string& at);

}  // namespace capbroker
