#include "services/notation/parse.h"

#include <algorithm>
#include <optional>

#include "absl/time/time.h"
#include "broker/values/show.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Multiplies a decimal number by `unit`; nullopt if the product is no whole number, or too large.
std::optional<int64_t> Scale(std::string_view number, int64_t unit) {
  const size_t dot = number.find('.');
  const std::string_view whole = number.substr(0, dot);
  std::string_view fraction =
      dot == std::string_view::npos ? std::string_view() : number.substr(dot + 1);
  if (whole.empty() || (dot != std::string_view::npos && fraction.empty())) return std::nullopt;
  if (!std::all_of(whole.begin(), whole.end(), IsDigit) ||
      !std::all_of(fraction.begin(), fraction.end(), IsDigit)) {
    return std::nullopt;
  }
  while (!fraction.empty() && fraction.back() == '0') fraction.remove_suffix(1);
  const std::optional<int64_t> units = ParseNumber<int64_t>(whole);
  if (!units || fraction.size() > 15) return std::nullopt;
  int64_t total = 0;
  if (__builtin_mul_overflow(*units, unit, &total)) return std::nullopt;
  __int128 numerator = unit, denominator = 1;
  if (!fraction.empty()) {
    numerator *= *ParseNumber<int64_t>(fraction);
    for (size_t i = 0; i < fraction.size(); ++i) denominator *= 10;
    if (numerator % denominator != 0) return std::nullopt;
    if (__builtin_add_overflow(total, static_cast<int64_t>(numerator / denominator), &total))
      return std::nullopt;
  }
  return total;
}

struct Unit {
  std::string_view name;
  int64_t micros;
};
constexpr Unit kUnits[] = {{"d", 86'400'000'000},
                           {"h", 3'600'000'000},
                           {"m", 60'000'000},
                           {"s", 1'000'000},
                           {"ms", 1'000}};

}  // namespace

absl::Status Unreadable(std::string_view got, std::string_view want) {
  return absl::InvalidArgumentError(Cat("got \"", got, "\", want ", want));
}

absl::StatusOr<Span> ParseDuration(std::string_view text) {
  const absl::Status error = Unreadable(text, "a length of time such as 90s, 2h, 3d or 1d12h");
  if (text == "0") return Span{};
  if (text.empty()) return error;
  Span out;
  size_t next_unit = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t digits = std::min(rest.find_first_not_of("0123456789."), rest.size());
    const std::string_view number = rest.substr(0, digits);
    rest.remove_prefix(digits);
    const size_t letters = std::min(rest.find_first_of("0123456789."), rest.size());
    const std::string_view name = rest.substr(0, letters);
    rest.remove_prefix(letters);
    size_t unit = next_unit;
    while (unit < std::size(kUnits) && kUnits[unit].name != name) ++unit;
    if (unit == std::size(kUnits)) return error;
    const std::optional<int64_t> micros = Scale(number, kUnits[unit].micros);
    if (!micros || __builtin_add_overflow(out.micros, *micros, &out.micros)) return error;
    next_unit = unit + 1;
  }
  if (out > kLongestSpan) return Unreadable(text, "at most 100 years (36500d)");
  return out;
}

absl::StatusOr<Window> ParseLength(std::string_view text) {
  if (text.find("business") != std::string_view::npos) return ParseWindow(text);
  const absl::StatusOr<Span> span = ParseDuration(text);
  if (!span.ok()) return span.status();
  return Window(*span);
}

absl::StatusOr<int64_t> ParseQuantity(std::string_view text) {
  const absl::Status error = Unreadable(text, "a whole number such as 8000 or 8,000");
  std::string digits;
  char separator = 0;
  size_t group = 0;  // Digits since the last separator.
  for (const char c : text) {
    if (IsDigit(c)) {
      digits += c;
      ++group;
      if (separator != 0 && group > 3) return error;
    } else if (c == ',' || c == '_' || c == ' ') {
      if (separator == 0 ? group < 1 || group > 3 : c != separator || group != 3) return error;
      separator = c;
      group = 0;
    } else {
      return error;
    }
  }
  if (separator != 0 && group != 3) return error;
  const std::optional<int64_t> value = ParseNumber<int64_t>(digits);
  if (!value) return error;
  return *value;
}

absl::StatusOr<Money> ParseAmount(std::string_view text) {
  const size_t units = std::min(text.find_first_of(". "), text.size());
  // Removes separators from the units; ParseMoney judges the rest.
  const bool has_minus = text.starts_with('-');
  const absl::StatusOr<int64_t> plain = ParseQuantity(text.substr(has_minus, units - has_minus));
  absl::StatusOr<Money> money =
      plain.ok() ? ParseMoney(Cat(has_minus ? "-" : "", *plain, text.substr(units)))
                 : ParseMoney(text);
  if (!money.ok()) return Unreadable(text, "an amount such as \"2.5 USD\" or \"250,000,000 USD\"");
  return money;
}

absl::StatusOr<Instant> ParseWhen(std::string_view text, Instant now) {
  if (text.starts_with('+')) {
    absl::StatusOr<Span> span = ParseDuration(text.substr(1));
    if (!span.ok()) return Unreadable(text, "a time from now such as +36h or +3d");
    // Fractions of a second are not meant.
    return Instant{(now + *span).micros / 1'000'000 * 1'000'000};
  }
  const absl::string_view in(text.data(), text.size());
  absl::Time time;
  std::string error;
  if (!absl::ParseTime("%Y-%m-%d%ET%H:%M:%E*S%Ez", in, &time, &error) &&
      !absl::ParseTime("%Y-%m-%d", in, &time, &error)) {
    return Unreadable(
        text, "RFC 3339 such as 2025-02-06T09:00:00Z, a date, or a time from now such as +36h");
  }
  const Instant out{absl::ToUnixMicros(time)};
  if (out.micros <= 0 || out > kLastInstant) {
    return Unreadable(text, "a time after 1970 and before the year 10000");
  }
  return out;
}

absl::StatusOr<int64_t> ParseShare(std::string_view text, int64_t most_ppm) {
  std::optional<int64_t> ppm;
  if (text.ends_with("ppm")) {
    ppm = ParseNumber<int64_t>(text.substr(0, text.size() - 3));
  } else if (text.ends_with('%')) {
    ppm = Scale(text.substr(0, text.size() - 1), 10'000);
  } else {
    ppm = Scale(text, 1'000'000);
  }
  if (!ppm || *ppm < 0 || *ppm > most_ppm) {
    return Unreadable(text,
                      Cat("a share from 0% to ", ShowShare(most_ppm), " such as 50% or 2.5%"));
  }
  return *ppm;
}

}  // namespace capbroker
