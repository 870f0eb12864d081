#include "broker/values/calendar.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "broker/values/ids.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

// What Abseil would take besides names of the database, paths and the machine's own zone, is no
// zone here: a deadline must not depend on the machine.
bool IsZoneName(std::string_view text) {
  if (text.empty() || text.size() > 63 || text == "localtime" || text == "posixrules") return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '/' || c == '_' || c == '-' ||
                              c == '+';
                     }) &&
         text.front() != '/';
}

std::optional<absl::TimeZone> FindZone(const std::string& name) {
  absl::TimeZone zone;
  if (!IsZoneName(name) || !absl::LoadTimeZone(name, &zone)) return std::nullopt;
  return zone;
}

// "2025-07-04"; nullopt unless there is such a day.
std::optional<absl::CivilDay> ParseDay(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = ParseNumber<uint16_t>(text.substr(0, 4));
  const auto month = ParseNumber<uint16_t>(text.substr(5, 2));
  const auto day = ParseNumber<uint16_t>(text.substr(8, 2));
  if (!year || !month || !day) return std::nullopt;
  const absl::CivilDay date(*year, *month, *day);  // 2025-02-30 becomes another day.
  if (date.year() != *year || date.month() != *month || date.day() != *day) return std::nullopt;
  return date;
}

int64_t WeekdayOf(absl::CivilDay day) {
  return static_cast<int64_t>(absl::GetWeekday(day)) + 1;
}  // Monday is 0.

// A valid calendar with its zone found. A local time that occurs twice is its first occurrence, and
// one that is skipped is the instant that skips it, so that a stretch of hours is always one
// stretch of UTC, and none overlap.
class LocalHours {
 public:
  // nullopt where the time zone is unknown.
  static std::optional<LocalHours> Of(const Calendar& calendar) {
    const std::optional<absl::TimeZone> zone = FindZone(calendar.time_zone);
    if (!zone) return std::nullopt;
    return LocalHours(calendar, *zone);
  }

  absl::CivilDay DayOf(Instant t) const {
    return absl::CivilDay(zone_.At(absl::FromUnixMicros(t.micros)).cs);
  }
  Instant StartOf(absl::CivilDay day) const { return At(day, 0); }
  Span weekly() const { return weekly_; }

  // The day of a window that begins at `t`: the last that has begun, also where the clock has been
  // set back over its beginning.
  absl::CivilDay DayBegunAt(Instant t) const {
    const absl::CivilDay day = DayOf(t);
    return StartOf(day + 1) <= t ? day + 1 : day;
  }
  bool IsBusinessDay(absl::CivilDay day) const {
    const int64_t weekday = WeekdayOf(day);
    return !HasHoliday(day, day + 1) &&
           StartOf(day) < StartOf(day + 1) &&  // Apia had no 2011-12-30.
           std::any_of(calendar_.hours.begin(), calendar_.hours.end(),
                       [&](const WeeklyHours& hours) { return hours.weekday == weekday; });
  }
  // The last timely instant of a window whose last day is this business day.
  Instant ClosingOf(absl::CivilDay day, const Window& window) const {
    if (window.closing_minute != 0) return At(day, window.closing_minute);
    Instant closing;
    for (const Interval& hours : On(day)) closing = hours.to;  // In order: the last one's end.
    return closing;
  }

  // What counts of one local day, in order.
  absl::InlinedVector<Interval, 4> On(absl::CivilDay day) const {
    absl::InlinedVector<Interval, 4> out;
    if (HasHoliday(day, day + 1)) return out;
    const int64_t weekday = WeekdayOf(day);
    for (const WeeklyHours& hours : calendar_.hours) {
      if (hours.weekday == weekday)
        out.push_back({At(day, hours.start_minute), At(day, hours.end_minute)});
    }
    return out;
  }

  // Whether the seven days from `day`, which are [start, end), count exactly `weekly`. Offsets have
  // come back after seven days (Boa Vista, October 2000), never after fewer: the first three days
  // and the whole tell.
  bool IsOrdinaryWeek(absl::CivilDay day, Instant start, Instant end) const {
    return end - start == Hours(7 * 24) && StartOf(day + 3) - start == Hours(3 * 24) &&
           !HasHoliday(day, day + 7);
  }

 private:
  LocalHours(const Calendar& calendar, absl::TimeZone zone) : calendar_(calendar), zone_(zone) {
    for (const WeeklyHours& hours : calendar.hours)
      weekly_ = weekly_ + Seconds((hours.end_minute - hours.start_minute) * 60);
  }

  Instant At(absl::CivilDay day, int64_t minute) const {
    return {absl::ToUnixMicros(absl::FromCivil(absl::CivilMinute(day) + minute, zone_))};
  }
  bool HasHoliday(absl::CivilDay first, absl::CivilDay end) const {
    const auto next = std::ranges::partition_point(
        calendar_.holidays, [&](const std::string& holiday) { return *ParseDay(holiday) < first; });
    return next != calendar_.holidays.end() && *ParseDay(*next) < end;
  }

  const Calendar& calendar_;
  absl::TimeZone zone_;
  Span weekly_{};
};

struct Progress {
  Span counted{};
  Instant at{};
};

// Goes from `from` until `most`, more than zero, has counted, or else to `until`. With `explained`,
// day by day, until that holds `most_explained` intervals; otherwise ordinary weeks are taken
// whole.
Progress Go(const LocalHours& hours, Instant from, Instant until, Span most,
            std::vector<Interval>* explained = nullptr, size_t most_explained = 0) {
  Progress done{{}, until};
  if (hours.weekly() == Span{}) return done;
  absl::CivilDay day = hours.DayOf(from);
  for (Instant start = hours.StartOf(day); start < until; start = hours.StartOf(++day)) {
    while (explained == nullptr && start >= from && done.counted + hours.weekly() < most) {
      const Instant next = hours.StartOf(day + 7);
      if (next > until || !hours.IsOrdinaryWeek(day, start, next)) break;
      done.counted = done.counted + hours.weekly();
      day += 7;
      start = next;
    }
    for (Interval open : hours.On(day)) {
      open = {std::max(open.from, from), std::min(open.to, until)};
      if (open.to <= open.from) continue;
      const Span left{most.micros - done.counted.micros};
      open.to = std::min(open.to, open.from + std::min(left, open.to - open.from));
      done.counted = done.counted + (open.to - open.from);
      if (explained != nullptr) explained->push_back(open);
      if (done.counted == most || (explained != nullptr && explained->size() == most_explained)) {
        return {done.counted, open.to};
      }
    }
  }
  return done;
}

// The latest day at whose start `window` can begin and still end by `by`; nullopt if there is none
// since 1970.
std::optional<absl::CivilDay> LatestDay(const LocalHours& hours, Instant by, Span window) {
  const auto fits = [&](absl::CivilDay day) {
    const Instant start = hours.StartOf(day);
    return start < by && Go(hours, start, by, window).counted == window;
  };
  absl::CivilDay too_late = hours.DayOf(by) + 2,
                 day = too_late - 1;  // Tomorrow may have begun, were midnight repeated.
  for (int64_t step = 1; !fits(day); step *= 2) {
    if (day < absl::CivilDay(1970)) return std::nullopt;
    too_late = day;
    day -= step;
  }
  while (too_late - day > 1) {
    const absl::CivilDay middle = day + (too_late - day) / 2;
    (fits(middle) ? day : too_late) = middle;
  }
  return day;
}

// Goes through `days` business days after the day of `from`: their numbers in order, up to the last
// instant. False if it comes first.
bool GoDays(const LocalHours& hours, Instant from, int64_t days, auto&& each) {
  if (hours.weekly() == Span{}) return false;
  for (absl::CivilDay day = hours.DayBegunAt(from) + 1; days > 0; ++day) {
    if (hours.StartOf(day) >= kLastInstant) return false;
    if (!hours.IsBusinessDay(day)) continue;
    each(day);
    --days;
  }
  return true;
}

Instant AddDays(const LocalHours& hours, Instant from, const Window& window) {
  absl::CivilDay last;
  if (!GoDays(hours, from, window.days, [&](absl::CivilDay day) { last = day; }))
    return kLastInstant;
  return std::min(hours.ClosingOf(last, window), kLastInstant);
}

// The last instant of the day before the first of `window.days` business days that close by `by`.
Instant LatestStartOfDays(const LocalHours& hours, Instant by, const Window& window) {
  absl::CivilDay day =
      hours.DayOf(by) + 1;  // Its first minute may be past, were midnight repeated.
  while (!hours.IsBusinessDay(day) || hours.ClosingOf(day, window) > by) {
    if (day < absl::CivilDay(1970)) return {};
    --day;
  }
  for (int64_t left = window.days - 1; left > 0;) {
    if (--day < absl::CivilDay(1970)) return {};
    if (hours.IsBusinessDay(day)) --left;
  }
  return std::max(hours.StartOf(day) - Span{1}, Instant{});
}

std::vector<Interval> ExplainDays(const LocalHours& hours, Instant from, const Window& window,
                                  size_t most) {
  std::vector<Interval> out;
  const bool ends = GoDays(hours, from, window.days, [&](absl::CivilDay day) {
    out.push_back({hours.StartOf(day), hours.StartOf(day + 1)});
  });
  if (ends) out.back().to = AddDays(hours, from, window);
  if (out.size() > most) out.resize(most);
  return out;
}

absl::Status CheckHours(const std::string& at, const std::vector<WeeklyHours>& hours) {
  if (hours.empty()) return Invalid(at, "none", "at least one stretch of the week");
  for (size_t i = 0; i < hours.size(); ++i) {
    const std::string here = Cat(at, "[", i, "]");
    const WeeklyHours& h = hours[i];
    if (h.weekday < 1 || h.weekday > 7) {
      return Invalid(here + ".weekday", Cat(h.weekday), "1 (Monday) to 7 (Sunday)");
    }
    if (h.start_minute < 0 || h.start_minute >= kMinutesADay) {
      return Invalid(here + ".start_minute", Cat(h.start_minute),
                     "minutes after midnight from 0 to 1439");
    }
    if (h.end_minute <= h.start_minute || h.end_minute > kMinutesADay) {
      return Invalid(here + ".end_minute", Cat(h.end_minute),
                     Cat("minutes after midnight from ", h.start_minute + 1, " to 1440"));
    }
    if (i == 0) continue;
    const WeeklyHours& before = hours[i - 1];
    if (h.weekday < before.weekday) {
      return Invalid(here + ".weekday", Cat(h.weekday),
                     Cat("at least ", before.weekday, ", that of the hours before"));
    }
    if (h.weekday == before.weekday && h.start_minute < before.end_minute) {
      return Invalid(here + ".start_minute", Cat(h.start_minute),
                     Cat("at least ", before.end_minute, ", where the hours before end"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckHolidays(const std::string& at, const std::vector<std::string>& holidays) {
  for (size_t i = 0; i < holidays.size(); ++i) {
    const std::string here = Cat(at, "[", i, "]"), got = Cat("\"", holidays[i], "\"");
    if (!ParseDay(holidays[i])) return Invalid(here, got, "a day such as 2025-07-04");
    if (i > 0 && holidays[i] <= holidays[i - 1])
      return Invalid(here, got, Cat("a day after ", holidays[i - 1]));
  }
  return absl::OkStatus();
}

}  // namespace

Instant AddWindow(const Calendar* calendar, Instant from, const Window& window) {
  if (!window.IsSet()) return from;
  if (calendar == nullptr) {
    const bool never = window.days > 0 || from > kLastInstant - window.span;
    return never ? kLastInstant : from + window.span;
  }
  const std::optional<LocalHours> hours = LocalHours::Of(*calendar);
  if (!hours) return kLastInstant;
  return window.days > 0 ? AddDays(*hours, from, window)
                         : Go(*hours, from, kLastInstant, window.span).at;
}

Span Counted(const Calendar* calendar, Instant from, Instant to) {
  if (to <= from) return {};
  if (calendar == nullptr) return to - from;
  const std::optional<LocalHours> hours = LocalHours::Of(*calendar);
  if (!hours) return {};
  return Go(*hours, from, to, Span{std::numeric_limits<int64_t>::max()}).counted;
}

int64_t CountedDays(const Calendar* calendar, Instant from, Instant to) {
  if (to <= from || calendar == nullptr) return 0;
  const std::optional<LocalHours> hours = LocalHours::Of(*calendar);
  if (!hours) return 0;
  int64_t days = 0;
  const absl::CivilDay last =
      hours->DayBegunAt(to - Span{1});  // Closing at 24:00 is the day's end.
  for (absl::CivilDay day = hours->DayBegunAt(from) + 1; day <= last; ++day) {
    if (hours->IsBusinessDay(day)) ++days;
  }
  return days;
}

Instant LatestStart(const Calendar* calendar, Instant by, const Window& window) {
  if (!window.IsSet()) return by;
  if (calendar == nullptr)
    return window.days > 0 ? Instant{} : std::max(by - window.span, Instant{});
  const std::optional<LocalHours> hours = LocalHours::Of(*calendar);
  if (!hours) return {};
  if (window.days > 0) return LatestStartOfDays(*hours, by, window);
  const std::optional<absl::CivilDay> day = LatestDay(*hours, by, window.span);
  if (!day) return {};
  // All that counts from the day's start to `by` is the window and what may still pass before it.
  int64_t spare = Counted(calendar, hours->StartOf(*day), by).micros - window.span.micros;
  for (const Interval& open : hours->On(*day)) {
    const Span length = open.to - open.from;
    if (spare < length.micros) return std::max(open.from + Span{spare}, Instant{});
    spare -= length.micros;
  }
  return {};  // Not reached: more counts on this day than is to spare.
}

std::vector<Interval> ExplainWindow(const Calendar* calendar, Instant from, const Window& window,
                                    size_t most) {
  std::vector<Interval> out;
  if (!window.IsSet() || most == 0) return out;
  if (calendar == nullptr) {
    if (window.days == 0) out.push_back({from, AddWindow(nullptr, from, window)});
    return out;
  }
  const std::optional<LocalHours> hours = LocalHours::Of(*calendar);
  if (!hours) return out;
  if (window.days > 0) return ExplainDays(*hours, from, window, most);
  Go(*hours, from, kLastInstant, window.span, &out, most);
  return out;
}

bool KnowsZone(const Calendar& calendar) { return FindZone(calendar.time_zone).has_value(); }

absl::Status Validate(const Calendar& calendar, const std::string& at) {
  if (!IsClauseName(calendar.id)) {
    return Invalid(at + ".id", Cat("\"", calendar.id, "\""),
                   "1 to 63 letters, digits, '-' or '_', a letter first");
  }
  if (!KnowsZone(calendar)) {
    return Invalid(at + ".time_zone", Cat("\"", calendar.time_zone, "\""),
                   "a zone of the IANA database such as America/Los_Angeles");
  }
  if (absl::Status status = CheckHours(at + ".hours", calendar.hours); !status.ok()) return status;
  return CheckHolidays(at + ".holidays", calendar.holidays);
}

}  // namespace capbroker
