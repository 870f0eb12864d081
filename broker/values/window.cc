#include "broker/values/window.h"

#include "absl/status/status.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

// "10 business days" or "1 business day", and what follows it; 0 days if `text` is no such thing.
int64_t TakeDays(std::string_view& text) {
  const size_t digits = text.find(' ');
  if (digits == std::string_view::npos) return 0;
  const auto days = ParseNumber<int64_t>(text.substr(0, digits));
  std::string_view rest = text.substr(digits + 1);
  if (!days || *days < 1 || *days > kMostBusinessDays || !rest.starts_with("business day"))
    return 0;
  rest.remove_prefix(std::string_view("business day").size());
  if (rest.starts_with('s')) rest.remove_prefix(1);
  text = rest;
  return *days;
}

}  // namespace

std::string FormatMinute(int64_t minute) {
  const auto two = [](int64_t n) { return Cat(n < 10 ? "0" : "", n); };
  return Cat(two(minute / 60), ":", two(minute % 60));
}

absl::StatusOr<int64_t> ParseMinute(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon != std::string_view::npos && colon <= 2 && text.size() == colon + 3) {
    const auto hour = ParseNumber<uint16_t>(text.substr(0, colon));
    const auto minute = ParseNumber<uint16_t>(text.substr(colon + 1));
    if (hour && minute && *minute < 60 && *hour * 60 + *minute <= kMinutesADay)
      return *hour * 60 + *minute;
  }
  return absl::InvalidArgumentError(
      Cat("got \"", text, "\", want a time of day from 00:00 to 24:00"));
}

std::string Format(const Window& window) {
  if (window.days == 0) return Format(window.span);
  return Cat(
      window.days, window.days == 1 ? " business day" : " business days",
      window.closing_minute == 0 ? "" : Cat(", until ", FormatMinute(window.closing_minute)));
}

absl::StatusOr<Window> ParseWindow(std::string_view text) {
  constexpr std::string_view kUntil = ", until ";
  std::string_view rest = text;
  if (const int64_t days = TakeDays(rest); days > 0) {
    if (rest.empty()) return Window::BusinessDays(days);
    if (rest.starts_with(kUntil)) {
      const absl::StatusOr<int64_t> closing = ParseMinute(rest.substr(kUntil.size()));
      if (closing.ok() && *closing > 0) return Window::BusinessDays(days, *closing);
    }
  } else if (const absl::StatusOr<Span> span = ParseSpan(text); span.ok()) {
    return Window(*span);
  }
  return absl::InvalidArgumentError(Cat(
      "got \"", text, "\", want a length of time, or business days such as \"10 business days, ",
      "until 16:00\" (1 to ", kMostBusinessDays, ", until 00:01 to 24:00)"));
}

}  // namespace capbroker
