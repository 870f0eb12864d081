// R3: how long a party has to answer: a length of time, or a number of business days.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "broker/values/time.h"

namespace capbroker {

// The most business days of one window, and the minutes of a day.
inline constexpr int64_t kMostBusinessDays = 1000;
inline constexpr int64_t kMinutesADay = 1440;

// Either `span`, which counts all time or, with a calendar, its hours alone; or `days` business
// days of a calendar. Zero is "none".
//
// Of business days the first one counted is the first after the local day on which the window
// begins: the day of the notice does not count. The last timely instant is the closing time on the
// last of them, inclusive.
struct Window {
  Span span{};
  int64_t days = 0;  // 0: `span` counts. At most kMostBusinessDays.
  // Minutes after local midnight, to 1440; 0: the end of that day's last business hours.
  int64_t closing_minute = 0;

  constexpr Window() = default;
  constexpr Window(Span length) : span(length) {}  // NOLINT: a length of time is a window.
  static constexpr Window BusinessDays(int64_t days, int64_t closing_minute = 0) {
    Window window;
    window.days = days;
    window.closing_minute = closing_minute;
    return window;
  }
  constexpr bool IsSet() const { return span > Span{} || days > 0; }
  bool operator==(const Window&) const = default;
};

// "259200s"; "10 business days", "10 business days, until 16:00".
std::string Format(const Window& window);
// Inverse of Format. INVALID_ARGUMENT names what was got.
absl::StatusOr<Window> ParseWindow(std::string_view text);

// "16:00"; the end of a day is "24:00".
std::string FormatMinute(int64_t minute);
// Inverse of FormatMinute, which also takes "9:30". INVALID_ARGUMENT names what was got.
absl::StatusOr<int64_t> ParseMinute(std::string_view text);

}  // namespace capbroker
