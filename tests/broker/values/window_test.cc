// R3: windows of business days, in text and on the calendar.
#include "broker/values/window.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "broker/values/calendar.h"
#include "broker/values/show.h"

namespace capbroker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Instant At(std::string_view text) { return *ParseInstant(text); }

// ---------------------------------------------------------------- text

TEST(Windows, ReadBackAsTheyAreWritten) {
  for (const char* text : {"259200s", "0.25s", "0s", "1 business day", "10 business days",
                           "10 business days, until 16:00", "1000 business days, until 24:00"}) {
    const absl::StatusOr<Window> window = ParseWindow(text);
    ASSERT_TRUE(window.ok()) << window.status();
    EXPECT_EQ(Format(*window), text);
  }
  EXPECT_EQ(*ParseWindow("1 business days, until 9:05"), Window::BusinessDays(1, 545));
  EXPECT_EQ(ShowWindow(Hours(36)), "1d12h");
  EXPECT_EQ(ShowWindow(Window::BusinessDays(2, 960)), "2 business days, until 16:00");
}

TEST(Windows, OtherTextIsRefused) {
  for (const char* text :
       {"", "3d", "10 days", "0 business days", "1001 business days", "-1 business days",
        "10 business days until 16:00", "10 business days, until 24:01",
        "10 business days, until 00:00", "10 business days, until 16", "10 business days,"}) {
    EXPECT_FALSE(ParseWindow(text).ok()) << text;
  }
}

// ---------------------------------------------------------------- deadlines

Calendar Open(std::string zone, int64_t first, int64_t last, int64_t from_hour, int64_t to_hour) {
  Calendar c{.id = "desk", .time_zone = std::move(zone)};
  for (int64_t day = first; day <= last; ++day)
    c.hours.push_back({day, from_hour * 60, to_hour * 60});
  return c;
}
// Nine to five in California.
Calendar Office() {
  Calendar c = Open("America/Los_Angeles", 1, 5, 9, 17);
  c.holidays = {"2025-05-26", "2025-07-04"};
  return c;
}
Calendar Always(std::string zone) { return Open(std::move(zone), 1, 7, 0, 24); }
Calendar MorningsAndAfternoons() {
  Calendar c{.id = "shop", .time_zone = "Europe/Berlin"};
  for (int64_t day = 1; day <= 5; ++day) {
    c.hours.push_back({day, 9 * 60, 12 * 60});
    c.hours.push_back({day, 13 * 60, 18 * 60});
  }
  return c;
}

struct Row {
  std::string name;
  Calendar calendar;
  std::string from;
  Window window;
  std::string want;
};
class BusinessDays : public testing::TestWithParam<Row> {};

TEST_P(BusinessDays, EndAtTheClosingTimeOfTheLast) {
  const Row& row = GetParam();
  const Instant from = At(row.from), deadline = AddWindow(&row.calendar, from, row.window);
  EXPECT_EQ(ShowTime(deadline), row.want);
  EXPECT_EQ(CountedDays(&row.calendar, from, deadline), row.window.days);
  const Instant latest = LatestStart(&row.calendar, deadline, row.window);
  EXPECT_GE(latest, from) << "whoever begins no later than this is in time";
  EXPECT_EQ(AddWindow(&row.calendar, latest, row.window), deadline);
  EXPECT_GT(AddWindow(&row.calendar, latest + Span{1}, row.window), deadline);
  EXPECT_LT(LatestStart(&row.calendar, deadline - Span{1}, row.window), from)
      << "the deadline itself is timely, and no earlier one would do";
}

INSTANTIATE_TEST_SUITE_P(
    Window, BusinessDays,
    testing::Values(
        Row{"TheDayOfTheNoticeDoesNotCount", Office(), "2025-02-03T18:00:00Z",
            Window::BusinessDays(1), "2025-02-05T01:00:00Z"},
        Row{"TenDaysUntilFour", Office(), "2025-02-03T18:00:00Z", Window::BusinessDays(10, 16 * 60),
            "2025-02-18T00:00:00Z"},
        Row{"StartBeforeOpening", Office(), "2025-02-03T10:00:00Z", Window::BusinessDays(1),
            "2025-02-05T01:00:00Z"},
        Row{"StartAfterClosing", Office(), "2025-02-04T02:00:00Z", Window::BusinessDays(1),
            "2025-02-05T01:00:00Z"},
        Row{"StartAtLocalMidnight", Office(), "2025-02-04T08:00:00Z", Window::BusinessDays(1),
            "2025-02-06T01:00:00Z"},
        Row{"AMicrosecondBeforeLocalMidnight", Office(), "2025-02-04T07:59:59.999999Z",
            Window::BusinessDays(1), "2025-02-05T01:00:00Z"},
        Row{"StartOnAWeekend", Office(), "2025-02-08T20:00:00Z", Window::BusinessDays(1),
            "2025-02-11T01:00:00Z"},
        Row{"OverAWeekend", Office(), "2025-02-07T20:00:00Z", Window::BusinessDays(2),
            "2025-02-12T01:00:00Z"},
        Row{"StartOnAHoliday", Office(), "2025-07-04T18:00:00Z", Window::BusinessDays(1),
            "2025-07-08T00:00:00Z"},
        Row{"OverAHoliday", Office(), "2025-05-23T18:00:00Z", Window::BusinessDays(1),
            "2025-05-28T00:00:00Z"},
        Row{"OverTheChangeInSpring", Office(), "2025-03-07T18:00:00Z",
            Window::BusinessDays(1, 16 * 60), "2025-03-10T23:00:00Z"},
        Row{"OverTheChangeInAutumn", Office(), "2025-10-31T18:00:00Z",
            Window::BusinessDays(1, 16 * 60), "2025-11-04T00:00:00Z"},
        Row{"ClosingBeforeTheDaysHours", Office(), "2025-02-03T18:00:00Z",
            Window::BusinessDays(1, 8 * 60), "2025-02-04T16:00:00Z"},
        Row{"ClosingAfterTheDaysHours", Office(), "2025-02-03T18:00:00Z",
            Window::BusinessDays(1, 24 * 60), "2025-02-05T08:00:00Z"},
        Row{"TheLastHoursOfTheDay", MorningsAndAfternoons(), "2025-02-03T10:00:00Z",
            Window::BusinessDays(1), "2025-02-04T17:00:00Z"},
        Row{"ClosingBetweenTheDaysHours", MorningsAndAfternoons(), "2025-02-03T10:00:00Z",
            Window::BusinessDays(1, 12 * 60 + 30), "2025-02-04T11:30:00Z"},
        Row{"AClosingTimeThatIsSkipped", Always("America/Los_Angeles"), "2025-03-08T20:00:00Z",
            Window::BusinessDays(1, 2 * 60 + 30), "2025-03-09T10:00:00Z"},
        Row{"AClosingTimeThatComesTwice", Always("America/Los_Angeles"), "2025-11-01T20:00:00Z",
            Window::BusinessDays(1, 90), "2025-11-02T08:30:00Z"},
        Row{"ADayThatWasSkipped", Always("Pacific/Apia"), "2011-12-30T05:00:00Z",
            Window::BusinessDays(1, 12 * 60), "2011-12-30T22:00:00Z"},
        Row{"AMidnightThatCameTwice", Always("America/St_Johns"), "2010-11-06T12:00:00Z",
            Window::BusinessDays(1, 12 * 60), "2010-11-07T15:30:00Z"}),
    [](const auto& row) { return row.param.name; });

TEST(BusinessDays, AreExplainedDayByDay) {
  const Calendar office = Office();
  EXPECT_THAT(ExplainWindow(&office, At("2025-05-23T18:00:00Z"), Window::BusinessDays(2, 16 * 60)),
              ElementsAre(Interval{At("2025-05-27T07:00:00Z"), At("2025-05-28T07:00:00Z")},
                          Interval{At("2025-05-28T07:00:00Z"), At("2025-05-28T23:00:00Z")}));
  EXPECT_THAT(ExplainWindow(&office, At("2025-05-23T18:00:00Z"), Window::BusinessDays(9), 3),
              SizeIs(3));
}

TEST(BusinessDays, NeverPassWithoutACalendarOrHours) {
  Calendar never = Office();
  never.hours.clear();
  const Instant from = At("2025-02-03T18:00:00Z");
  const Calendar* const none = nullptr;
  for (const Calendar* calendar : {none, static_cast<const Calendar*>(&never)}) {
    EXPECT_EQ(AddWindow(calendar, from, Window::BusinessDays(1)), kLastInstant);
    EXPECT_EQ(LatestStart(calendar, from, Window::BusinessDays(1)), Instant{});
    EXPECT_THAT(ExplainWindow(calendar, from, Window::BusinessDays(1)), IsEmpty());
    EXPECT_EQ(CountedDays(calendar, from, from + Hours(240)), 0);
  }
}

TEST(BusinessDays, PastTheLastInstantAreNotInvented) {
  const Calendar office = Office();
  EXPECT_EQ(AddWindow(&office, At("9999-12-30T12:00:00Z"), Window::BusinessDays(5)), kLastInstant);
  EXPECT_EQ(LatestStart(&office, At("1970-01-05T12:00:00Z"), Window::BusinessDays(30)), Instant{});
}

// ---------------------------------------------------------------- properties

int64_t Between(int64_t least, int64_t most) { return *rc::gen::inRange(least, most + 1); }

Calendar RandomCalendar() {
  static const char* const kZones[] = {"America/Los_Angeles", "America/Havana", "Pacific/Apia",
                                       "America/St_Johns",    "Asia/Gaza",      "Europe/Berlin"};
  Calendar c{.id = "any", .time_zone = kZones[Between(0, 5)]};
  for (int64_t day = 1; day <= 7; ++day) {
    if (Between(0, 2) > 0) c.hours.push_back({day, Between(0, 700), Between(701, 1440)});
  }
  if (c.hours.empty()) c.hours.push_back({Between(1, 7), 0, 1440});
  return c;
}
Window RandomDays() {
  return Window::BusinessDays(Between(1, 40), Between(0, 1) * Between(1, 1440));
}
Instant RandomInstant() {
  static const Instant traps[] = {At("2025-03-09T05:00:00Z"), At("2025-11-02T05:00:00Z"),
                                  At("2011-12-30T10:00:00Z"), At("2010-11-07T02:31:00Z")};
  if (Between(0, 1) == 0)
    return traps[Between(0, 3)] + Span{Between(-Hours(400).micros, Hours(400).micros)};
  return Instant{Between(At("2000-01-01T00:00:00Z").micros, At("2080-01-01T00:00:00Z").micros)};
}

RC_GTEST_PROP(BusinessDays, TheLatestStartIsTheInverse, ()) {
  const Calendar c = RandomCalendar();
  const Instant by = RandomInstant();
  const Window window = RandomDays();
  const Instant start = LatestStart(&c, by, window);
  RC_ASSERT(start.IsSet());
  RC_ASSERT(AddWindow(&c, start, window) <= by);
  RC_ASSERT(AddWindow(&c, start + Span{1}, window) > by);
}

RC_GTEST_PROP(BusinessDays, ALaterStartEndsNoEarlier, ()) {
  const Calendar c = RandomCalendar();
  const Window window = RandomDays();
  const Instant a = RandomInstant(), b = a + Span{Between(0, Hours(60).micros)};
  RC_ASSERT(AddWindow(&c, a, window) <= AddWindow(&c, b, window));
  RC_ASSERT(AddWindow(&c, a, window) >= a);
}

RC_GTEST_PROP(BusinessDays, TheExplanationAddsUp, ()) {
  const Calendar c = RandomCalendar();
  const Window window = RandomDays();
  const Instant from = RandomInstant();
  const std::vector<Interval> days = ExplainWindow(&c, from, window);
  RC_ASSERT(static_cast<int64_t>(days.size()) == window.days);
  RC_ASSERT(days.back().to == AddWindow(&c, from, window));
  for (size_t i = 1; i < days.size(); ++i) RC_ASSERT(days[i].from >= days[i - 1].to);
}

}  // namespace
}  // namespace capbroker
