#include "broker/values/time.h"

#include <chrono>
#include <limits>

#include "absl/status/status.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

// Exactly `width` digits.
void Put(char* at, int64_t value, int width) {
  for (int i = width; i-- > 0; value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

// Reads exactly `width` digits at `at`; -1 if there are other characters.
int64_t Digits(std::string_view text, size_t at, size_t width) {
  if (text.size() < at + width) return -1;
  int64_t value = 0;
  for (size_t i = at; i < at + width; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

// ".25" is 250000. -1 unless a dot and one to six digits.
int64_t Fraction(std::string_view text) {
  if (text.empty()) return 0;
  if (text[0] != '.' || text.size() < 2 || text.size() > 7) return -1;
  int64_t value = Digits(text, 1, text.size() - 1);
  for (size_t i = text.size(); value > 0 && i < 7; ++i) value *= 10;
  return value;
}

}  // namespace

void AppendTo(std::string& out, Instant t) {
  using std::chrono::floor;
  const std::chrono::sys_time<std::chrono::microseconds> time{std::chrono::microseconds(t.micros)};
  const auto day = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const int64_t micros = (time - day).count();
  char text[] = "0000-00-00T00:00:00.000000Z";
  Put(text, static_cast<int>(date.year()), 4);
  Put(text + 5, static_cast<unsigned>(date.month()), 2);
  Put(text + 8, static_cast<unsigned>(date.day()), 2);
  Put(text + 11, micros / 3'600'000'000, 2);
  Put(text + 14, micros / 60'000'000 % 60, 2);
  Put(text + 17, micros / 1'000'000 % 60, 2);
  Put(text + 20, micros % 1'000'000, 6);
  out.append(text, sizeof text - 1);
}

std::string Format(Instant t) {
  std::string out;
  AppendTo(out, t);
  return out;
}

std::string Format(Span d) {
  std::string out;
  const uint64_t micros =
      d.micros < 0 ? 0 - static_cast<uint64_t>(d.micros) : static_cast<uint64_t>(d.micros);
  if (d.micros < 0) out += '-';
  out += Cat(micros / 1'000'000);
  if (int64_t fraction = static_cast<int64_t>(micros % 1'000'000); fraction != 0) {
    out += '.';
    char digits[6];
    Put(digits, fraction, 6);
    out.append(digits, sizeof digits);
    while (out.back() == '0') out.pop_back();
  }
  out += 's';
  return out;
}

absl::StatusOr<Instant> ParseInstant(std::string_view text) {
  const auto refuse = [&] {
    return absl::InvalidArgumentError(Cat(
        "got \"", text, "\", want a UTC time such as 2025-02-03T09:00:00Z (at most six decimals)"));
  };
  const int64_t year = Digits(text, 0, 4), month = Digits(text, 5, 2), day = Digits(text, 8, 2);
  const int64_t hour = Digits(text, 11, 2), minute = Digits(text, 14, 2),
                second = Digits(text, 17, 2);
  if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0 ||
      text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':' || text.back() != 'Z') {
    return refuse();
  }
  const int64_t fraction = Fraction(text.substr(19, text.size() - 20));
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 59 || fraction < 0) return refuse();
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return Instant{((days * 24 + hour) * 60 + minute) * 60'000'000 + second * 1'000'000 + fraction};
}

absl::StatusOr<Span> ParseSpan(std::string_view text) {
  const auto refuse = [&] {
    return absl::InvalidArgumentError(
        Cat("got \"", text, "\", want seconds such as 259200s or 0.25s (at most six decimals)"));
  };
  if (text.size() < 2 || text.back() != 's') return refuse();
  std::string_view number = text.substr(0, text.size() - 1);
  const bool negative = number[0] == '-';
  if (negative) number.remove_prefix(1);
  const size_t dot = std::min(number.find('.'), number.size());
  const int64_t fraction = Fraction(number.substr(dot));
  if (dot == 0 || dot > 12 || fraction < 0) return refuse();
  const int64_t seconds = Digits(number, 0, dot);
  if (seconds < 0) return refuse();
  const int64_t micros = seconds * 1'000'000 + fraction;
  return Span{negative ? -micros : micros};
}

}  // namespace capbroker
