// R3: windows in business hours, across nights, weekends, holidays and changes of the clock.
#include "broker/values/calendar.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Instant At(std::string_view text) { return *ParseInstant(text); }
constexpr Span kMicro{1};

// The same hours on each of these weekdays.
Calendar Open(std::string zone, int64_t first, int64_t last, int64_t from_hour, int64_t to_hour) {
  Calendar c;
  c.id = "desk";
  c.time_zone = std::move(zone);
  for (int64_t day = first; day <= last; ++day)
    c.hours.push_back({day, from_hour * 60, to_hour * 60});
  return c;
}
Calendar Office() {
  Calendar c = Open("America/Los_Angeles", 1, 5, 9, 17);
  c.holidays = {"2025-05-26", "2025-07-04"};
  return c;
}

// ---------------------------------------------------------------- tables

TEST(Elapsed, EveryInstantCounts) {
  const Instant from = At("2025-02-03T09:00:00Z");
  EXPECT_EQ(AddWindow(nullptr, from, Hours(72)), At("2025-02-06T09:00:00Z"));
  EXPECT_EQ(AddWindow(nullptr, from, {}), from);
  EXPECT_EQ(Counted(nullptr, from, from + Hours(5)), Hours(5));
  EXPECT_EQ(Counted(nullptr, from, from - Hours(5)), Span{});
  EXPECT_EQ(LatestStart(nullptr, from, Hours(72)), At("2025-01-31T09:00:00Z"));
  EXPECT_EQ(LatestStart(nullptr, At("1970-01-02T00:00:00Z"), Hours(24)), Instant{});
  EXPECT_THAT(ExplainWindow(nullptr, from, Hours(72)),
              ElementsAre(Interval{from, from + Hours(72)}));
  EXPECT_THAT(ExplainWindow(nullptr, from, {}), IsEmpty());
}

TEST(Elapsed, TimeEndsWithTheLastInstant) {
  EXPECT_EQ(AddWindow(nullptr, At("9950-01-01T00:00:00Z"), kLongestSpan), kLastInstant);
  const Calendar office = Office();
  EXPECT_EQ(AddWindow(&office, At("9999-12-31T12:00:00Z"), Hours(24)), kLastInstant);
}

struct Row {
  std::string name;
  Calendar calendar;
  std::string from;
  Span window;
  std::string want;  // The deadline.
};
class Windows : public testing::TestWithParam<Row> {};

TEST_P(Windows, EndWhenTheirTimeHasCounted) {
  const Row& row = GetParam();
  const Instant from = At(row.from), deadline = AddWindow(&row.calendar, from, row.window);
  EXPECT_EQ(Format(deadline), Format(At(row.want)));
  EXPECT_EQ(Counted(&row.calendar, from, deadline), row.window);
}

INSTANTIATE_TEST_SUITE_P(
    R3, Windows,
    testing::Values(
        Row{"InsideADay", Office(), "2025-02-03T18:00:00Z", Hours(2), "2025-02-03T20:00:00Z"},
        Row{"OverTheNight", Office(), "2025-02-03T23:00:00Z", Hours(4), "2025-02-04T19:00:00Z"},
        Row{"OverTheWeekend", Office(), "2025-02-07T23:00:00Z", Hours(4), "2025-02-10T19:00:00Z"},
        Row{"EndsWithTheDay", Office(), "2025-02-03T17:00:00Z", Hours(8), "2025-02-04T01:00:00Z"},
        Row{"AMicrosecondMoreIsTheNextMorning", Office(), "2025-02-03T17:00:00Z", Hours(8) + kMicro,
            "2025-02-04T17:00:00.000001Z"},
        Row{"EndsWithTheWeek", Office(), "2025-02-03T17:00:00Z", Hours(40), "2025-02-08T01:00:00Z"},
        Row{"BeginsBeforeOpening", Office(), "2025-02-03T10:00:00Z", Hours(1),
            "2025-02-03T18:00:00Z"},
        Row{"BeginsAtClosing", Office(), "2025-02-04T01:00:00Z", Hours(1), "2025-02-04T18:00:00Z"},
        Row{"BeginsOnSaturday", Office(), "2025-02-08T18:30:00Z", Hours(1), "2025-02-10T18:00:00Z"},
        Row{"OverAHoliday", Office(), "2025-05-23T23:00:00Z", Hours(2), "2025-05-27T17:00:00Z"},
        Row{"BeginsOnAHoliday", Office(), "2025-07-04T18:00:00Z", Hours(1), "2025-07-07T17:00:00Z"},
        Row{"WeeksOnEnd", Office(), "2025-02-03T17:00:00Z", Hours(40 * 4), "2025-03-01T01:00:00Z"},
        // Clocks go forward on Sunday 2025-03-09 and back on Sunday 2025-11-02: opening is at
        // 17:00Z, then 16:00Z.
        Row{"OverTheChangeInSpring", Office(), "2025-03-08T00:00:00Z", Hours(2),
            "2025-03-10T17:00:00Z"},
        Row{"OverTheChangeInAutumn", Office(), "2025-10-31T23:00:00Z", Hours(2),
            "2025-11-03T18:00:00Z"},
        Row{"AYearOfWeeks", Office(), "2026-01-05T17:00:00Z", Hours(40 * 52),
            "2027-01-02T01:00:00Z"}),
    [](const auto& row) { return row.param.name; });

// What counts of one local day, from its first instant to the next day's.
struct DayRow {
  std::string name;
  Calendar calendar;
  std::string from, to;
  Span want;
};
class Days : public testing::TestWithParam<DayRow> {};

TEST_P(Days, CountElapsedTimeInsideLocalHours) {
  const DayRow& row = GetParam();
  EXPECT_EQ(Format(Counted(&row.calendar, At(row.from), At(row.to))), Format(row.want));
}

constexpr char kLosAngeles[] = "America/Los_Angeles";
INSTANTIATE_TEST_SUITE_P(
    R3, Days,
    testing::Values(
        DayRow{"AnOrdinaryDay", Open(kLosAngeles, 1, 7, 0, 24), "2025-03-08T08:00:00Z",
               "2025-03-09T08:00:00Z", Hours(24)},
        DayRow{"ADayIsAnHourShortInSpring", Open(kLosAngeles, 1, 7, 0, 24), "2025-03-09T08:00:00Z",
               "2025-03-10T07:00:00Z", Hours(23)},
        DayRow{"AndAnHourLongInAutumn", Open(kLosAngeles, 1, 7, 0, 24), "2025-11-02T07:00:00Z",
               "2025-11-03T08:00:00Z", Hours(25)},
        DayRow{"TheSkippedHourIsNothing", Open(kLosAngeles, 7, 7, 2, 3), "2025-03-09T08:00:00Z",
               "2025-03-10T07:00:00Z", Hours(0)},
        DayRow{"HoursThatBeginInItBeginAfterIt", Open(kLosAngeles, 7, 7, 2, 6),
               "2025-03-09T08:00:00Z", "2025-03-10T07:00:00Z", Hours(3)},
        DayRow{"TheRepeatedHourIsTwo", Open(kLosAngeles, 7, 7, 1, 2), "2025-11-02T07:00:00Z",
               "2025-11-03T08:00:00Z", Hours(2)},
        DayRow{"HoursThatEndInItEndWithItsFirstOccurrence", Open(kLosAngeles, 7, 7, 0, 1),
               "2025-11-02T07:00:00Z", "2025-11-03T08:00:00Z", Hours(1)},
        DayRow{"MidnightItselfIsSkipped", Open("America/Havana", 7, 7, 0, 2),
               "2025-03-09T04:00:00Z", "2025-03-10T04:00:00Z", Hours(1)},
        DayRow{"AWholeDayIsSkipped", Open("Pacific/Apia", 5, 5, 0, 24), "2011-12-29T10:00:00Z",
               "2011-12-31T10:00:00Z", Hours(0)},
        // Forward at the start of Sunday 2000-10-08, back at the end of the Saturday after.
        DayRow{"SummerOfOneWeek", Open("America/Boa_Vista", 7, 7, 0, 1), "2000-10-01T04:00:00Z",
               "2000-10-22T04:00:00Z", Hours(2)},
        DayRow{"UtcNeverChanges", Open("UTC", 1, 7, 0, 24), "2025-01-01T00:00:00Z",
               "2026-01-01T00:00:00Z", Hours(365 * 24)},
        DayRow{"TheRulesGoOnForCenturies", Open(kLosAngeles, 7, 7, 1, 4), "2900-01-01T08:00:00Z",
               "2901-01-01T08:00:00Z",
               Hours(52 * 3)}),  // Two changes, an hour less and an hour more.
    [](const auto& row) { return row.param.name; });

TEST(Explain, NamesEveryStretch) {
  const Calendar office = Office();
  EXPECT_THAT(ExplainWindow(&office, At("2025-05-23T23:00:00Z"), Hours(10)),
              ElementsAre(Interval{At("2025-05-23T23:00:00Z"), At("2025-05-24T00:00:00Z")},
                          Interval{At("2025-05-27T16:00:00Z"), At("2025-05-28T00:00:00Z")},
                          Interval{At("2025-05-28T16:00:00Z"), At("2025-05-28T17:00:00Z")}));
  EXPECT_THAT(ExplainWindow(&office, At("2025-05-23T23:00:00Z"), Hours(10), 2), SizeIs(2));
  EXPECT_THAT(ExplainWindow(&office, At("2025-05-23T23:00:00Z"), Hours(10), 0), IsEmpty());
  EXPECT_THAT(ExplainWindow(&office, At("2025-05-23T23:00:00Z"), {}), IsEmpty());
}

TEST(Latest, StartIsTheLastTimelyOne) {
  const Calendar office = Office();
  EXPECT_EQ(LatestStart(&office, At("2025-02-10T19:00:00Z"), Hours(4)), At("2025-02-07T23:00:00Z"));
  EXPECT_EQ(LatestStart(&office, At("2025-02-09T12:00:00Z"), Hours(8)), At("2025-02-07T17:00:00Z"));
  EXPECT_EQ(LatestStart(&office, At("2025-02-09T12:00:00Z"), {}), At("2025-02-09T12:00:00Z"));
  EXPECT_EQ(LatestStart(&office, At("1970-02-01T00:00:00Z"), Hours(24 * 365)), Instant{});
}

// Where the clock went from 00:01 back to 23:01, Sunday had begun, and it was Saturday again.
TEST(Latest, StartIsFoundWhereMidnightCameTwice) {
  const Calendar always = Open("America/St_Johns", 1, 7, 0, 24);
  EXPECT_EQ(LatestStart(&always, At("2010-11-07T03:00:00Z"), Seconds(600)),
            At("2010-11-07T02:50:00Z"));
  EXPECT_EQ(AddWindow(&always, At("2010-11-07T02:50:00Z"), Seconds(600)),
            At("2010-11-07T03:00:00Z"));
}

// A minute a week, and nothing at all: the walk ends at the end of time, and does so at once.
TEST(Window, ThatNeverEndsIsFoundAtOnce) {
  Calendar rare;
  rare.id = "rare";
  rare.time_zone = "Europe/Berlin";
  rare.hours = {{3, 720, 721}};
  const Instant from = At("2025-01-01T00:00:00Z");
  EXPECT_EQ(AddWindow(&rare, from, kLongestSpan), kLastInstant);
  EXPECT_EQ(LatestStart(&rare, from, kLongestSpan), Instant{});
  EXPECT_EQ(AddWindow(&rare, from, Seconds(60 * 52 * 100)), At("2124-08-23T10:01:00Z"));
  rare.hours.clear();
  EXPECT_EQ(AddWindow(&rare, from, kMicro), kLastInstant);
}

// ---------------------------------------------------------------- properties

int64_t Between(int64_t least, int64_t most) { return *rc::gen::inRange(least, most + 1); }

const char* const kZones[] = {"America/Los_Angeles",
                              "Europe/Berlin",
                              "UTC",
                              "Asia/Kolkata",
                              "Australia/Lord_Howe",
                              "America/Havana",
                              "America/Boa_Vista",
                              "America/St_Johns",
                              "Pacific/Apia",
                              "Asia/Gaza"};

std::string RandomDay() {
  return Format(Instant{Between(0, 30000) * Hours(24).micros}).substr(0, 10);
}

Calendar RandomCalendar() {
  Calendar c;
  c.id = "any";
  c.time_zone = kZones[Between(0, static_cast<int64_t>(std::size(kZones)) - 1)];
  for (int64_t day = 1; day <= 7; ++day) {
    int64_t at = 0;
    for (int64_t stretches = Between(0, 2); stretches-- > 0 && at < 1440;) {
      const int64_t from = Between(0, 3) == 0 ? at : Between(at, 1439);
      const int64_t to = Between(0, 3) == 0 ? 1440 : Between(from + 1, 1440);
      c.hours.push_back({day, from, to});
      at = to;
    }
  }
  if (c.hours.empty()) c.hours.push_back({Between(1, 7), 0, 1440});
  for (int64_t i = Between(0, 200); i-- > 0;) c.holidays.push_back(RandomDay());
  std::sort(c.holidays.begin(), c.holidays.end());
  c.holidays.erase(std::unique(c.holidays.begin(), c.holidays.end()), c.holidays.end());
  return c;
}

// Half of them near a change of the clock that has been a trap: in its own zone or not.
Instant RandomInstant() {
  static const Instant traps[] = {At("2025-03-09T10:00:00Z"), At("2025-11-02T09:00:00Z"),
                                  At("2000-10-08T04:00:00Z"), At("2000-10-15T03:00:00Z"),
                                  At("2011-12-30T10:00:00Z"), At("2040-10-20T00:00:00Z"),
                                  At("2025-03-09T05:00:00Z"), At("2010-11-07T02:31:00Z")};
  if (Between(0, 1) == 0)
    return traps[Between(0, 7)] + Span{Between(-Hours(400).micros, Hours(400).micros)};
  return Instant{Between(1, At("2080-01-01T00:00:00Z").micros)};
}

Span RandomWindow() { return Span{Between(0, Hours(int64_t{1} << Between(0, 14)).micros)}; }

RC_GTEST_PROP(Calendars, AreValid, ()) {
  RC_ASSERT(Validate(RandomCalendar(), "calendars[0]").ok());
}

RC_GTEST_PROP(Calendars, AWindowCountsItself, ()) {
  const Calendar c = RandomCalendar();
  const Instant from = RandomInstant();
  const Span window = RandomWindow();
  const Instant deadline = AddWindow(&c, from, window);
  RC_ASSERT(Counted(&c, from, deadline) == window);
  if (window > Span{})
    RC_ASSERT(Counted(&c, from, deadline - kMicro) < window);  // The earliest such.
}

// The explanation goes day by day, the rest in whole weeks where it can.
RC_GTEST_PROP(Calendars, TheExplanationAddsUp, ()) {
  const Calendar c = RandomCalendar();
  const Instant from = RandomInstant();
  const Span window = RandomWindow();
  Span sum{};
  Instant last = from;
  for (const Interval& open : ExplainWindow(&c, from, window, 1'000'000)) {
    RC_ASSERT(open.from >= last);
    RC_ASSERT(open.to > open.from);
    sum = sum + (open.to - open.from);
    last = open.to;
  }
  RC_ASSERT(sum == window);
  RC_ASSERT(last == AddWindow(&c, from, window));
}

RC_GTEST_PROP(Calendars, CountingIsAdditive, ()) {
  const Calendar c = RandomCalendar();
  Instant t[] = {RandomInstant(), RandomInstant(), RandomInstant()};
  std::sort(std::begin(t), std::end(t));
  RC_ASSERT(Counted(&c, t[0], t[1]) + Counted(&c, t[1], t[2]) == Counted(&c, t[0], t[2]));
}

RC_GTEST_PROP(Calendars, TheLatestStartIsTheInverse, ()) {
  const Calendar c = RandomCalendar();
  const Instant by = RandomInstant();
  const Span window = RandomWindow();
  const Instant start = LatestStart(&c, by, window);
  if (!start.IsSet()) {
    RC_ASSERT(AddWindow(&c, Instant{1}, window) > by);
    return;
  }
  RC_ASSERT(AddWindow(&c, start, window) <= by);
  RC_ASSERT(AddWindow(&c, start + kMicro, window) > by);
}

// ---------------------------------------------------------------- what a calendar must be

struct BadRow {
  std::string name;
  void (*spoil)(Calendar&);
  std::string want;
};
class Refused : public testing::TestWithParam<BadRow> {};

TEST_P(Refused, NamesTheField) {
  Calendar c = Office();
  EXPECT_TRUE(Validate(c, "calendars[0]").ok());
  GetParam().spoil(c);
  const absl::Status status = Validate(c, "calendars[0]");
  EXPECT_EQ(std::string(status.message()), "calendars[0]" + GetParam().want);
  EXPECT_EQ(FieldOf(status), "calendars[0]" + GetParam().want.substr(0, GetParam().want.find(':')));
}

const std::string kWantZone = ", want a zone of the IANA database such as America/Los_Angeles";
INSTANTIATE_TEST_SUITE_P(
    Calendar, Refused,
    testing::Values(
        BadRow{"Nameless", [](Calendar& c) { c.id = ""; },
               ".id: got \"\", want 1 to 63 letters, digits, '-' or '_', a letter first"},
        BadRow{"NoZone", [](Calendar& c) { c.time_zone = ""; }, ".time_zone: got \"\"" + kWantZone},
        BadRow{"UnknownZone", [](Calendar& c) { c.time_zone = "Mars/Olympus"; },
               ".time_zone: got \"Mars/Olympus\"" + kWantZone},
        BadRow{"TheMachinesZone", [](Calendar& c) { c.time_zone = "localtime"; },
               ".time_zone: got \"localtime\"" + kWantZone},
        BadRow{"APath", [](Calendar& c) { c.time_zone = "/usr/share/zoneinfo/UTC"; },
               ".time_zone: got \"/usr/share/zoneinfo/UTC\"" + kWantZone},
        BadRow{"APathUpwards", [](Calendar& c) { c.time_zone = "Europe/../UTC"; },
               ".time_zone: got \"Europe/../UTC\"" + kWantZone},
        BadRow{"AFixedOffset", [](Calendar& c) { c.time_zone = "Fixed/UTC+05:30:00"; },
               ".time_zone: got \"Fixed/UTC+05:30:00\"" + kWantZone},
        BadRow{"NoHours", [](Calendar& c) { c.hours.clear(); },
               ".hours: got none, want at least one stretch of the week"},
        BadRow{"WeekdayZero", [](Calendar& c) { c.hours[0].weekday = 0; },
               ".hours[0].weekday: got 0, want 1 (Monday) to 7 (Sunday)"},
        BadRow{"WeekdayEight", [](Calendar& c) { c.hours[4].weekday = 8; },
               ".hours[4].weekday: got 8, want 1 (Monday) to 7 (Sunday)"},
        BadRow{"FromBelowZero", [](Calendar& c) { c.hours[0].start_minute = -1; },
               ".hours[0].start_minute: got -1, want minutes after midnight from 0 to 1439"},
        BadRow{"FromMidnightOfTheNextDay", [](Calendar& c) { c.hours[0].start_minute = 1440; },
               ".hours[0].start_minute: got 1440, want minutes after midnight from 0 to 1439"},
        BadRow{"Empty", [](Calendar& c) { c.hours[0].end_minute = 540; },
               ".hours[0].end_minute: got 540, want minutes after midnight from 541 to 1440"},
        BadRow{"PastMidnight", [](Calendar& c) { c.hours[0].end_minute = 1441; },
               ".hours[0].end_minute: got 1441, want minutes after midnight from 541 to 1440"},
        BadRow{"Disorder", [](Calendar& c) { std::swap(c.hours[0], c.hours[1]); },
               ".hours[1].weekday: got 1, want at least 2, that of the hours before"},
        BadRow{"Overlap",
               [](Calendar& c) {
                 c.hours[1] = {1, 1019, 1080};
               },
               ".hours[1].start_minute: got 1019, want at least 1020, where the hours before end"},
        BadRow{"NotADay", [](Calendar& c) { c.holidays[0] = "4 July"; },
               ".holidays[0]: got \"4 July\", want a day such as 2025-07-04"},
        BadRow{"NoSuchDay", [](Calendar& c) { c.holidays[0] = "2025-02-29"; },
               ".holidays[0]: got \"2025-02-29\", want a day such as 2025-07-04"},
        BadRow{"SignedDay", [](Calendar& c) { c.holidays[0] = "2025-+2-01"; },
               ".holidays[0]: got \"2025-+2-01\", want a day such as 2025-07-04"},
        BadRow{"HolidayTwice", [](Calendar& c) { c.holidays[1] = c.holidays[0]; },
               ".holidays[1]: got \"2025-05-26\", want a day after 2025-05-26"},
        BadRow{"HolidaysInDisorder", [](Calendar& c) { std::swap(c.holidays[0], c.holidays[1]); },
               ".holidays[1]: got \"2025-05-26\", want a day after 2025-07-04"}),
    [](const auto& row) { return row.param.name; });

// An agreement may come from a machine that knew more zones.
TEST(Calendar, OfAnUnknownZoneNeverEndsAWindow) {
  Calendar lost = Office();
  lost.time_zone = "Mars/Olympus";
  EXPECT_FALSE(KnowsZone(lost));
  EXPECT_TRUE(KnowsZone(Office()));
  const Instant from = At("2025-02-03T18:00:00Z");
  for (const Window& window : {Window(Hours(2)), Window::BusinessDays(2)}) {
    EXPECT_EQ(AddWindow(&lost, from, window), kLastInstant);
    EXPECT_EQ(LatestStart(&lost, from, window), Instant{});
    EXPECT_THAT(ExplainWindow(&lost, from, window), IsEmpty());
  }
  EXPECT_EQ(Counted(&lost, from, from + Hours(2)), Span{});
  EXPECT_EQ(CountedDays(&lost, from, from + Hours(200)), 0);
}

TEST(Calendar, TouchingHoursAndLeapDaysAreTaken) {
  Calendar c = Office();
  c.hours = {{1, 0, 720}, {1, 720, 1440}, {2, 0, 1440}};
  c.holidays = {"2024-02-29"};
  EXPECT_EQ(Validate(c, "calendars[0]"), absl::OkStatus());
}

}  // namespace
}  // namespace capbroker
