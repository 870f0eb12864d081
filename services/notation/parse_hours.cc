// The hours of a week, as calendars in files and stories have them.
#include <algorithm>
#include <array>
#include <optional>

#include "broker/values/text.h"
#include "services/notation/parse.h"

namespace capbroker {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"MONDAY", "TUESDAY",  "WEDNESDAY", "THURSDAY",
                                                   "FRIDAY", "SATURDAY", "SUNDAY"};

// In capital letters, every dash a '-', and no blanks but one between days and hours.
std::string Plain(std::string_view text) {
  static constexpr std::string_view kDashes[] = {"\u2010", "\u2011", "\u2012",
                                                 "\u2013", "\u2014", "\u2212"};
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    const auto* dash = std::find_if(std::begin(kDashes), std::end(kDashes),
                                    [&](std::string_view d) { return rest.starts_with(d); });
    const char c = dash != std::end(kDashes) ? '-' : rest[0] == '\t' ? ' ' : rest[0];
    at += dash != std::end(kDashes) ? dash->size() : 1;
    if (c == ' ' && (out.empty() || out.back() == ' ' || out.back() == '-')) continue;
    if (c == '-' && !out.empty() && out.back() == ' ') out.pop_back();
    out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

// From 1, Monday; nullopt for a text that is none.
std::optional<int64_t> DayOf(std::string_view text) {
  for (size_t i = 0; i < kDays.size(); ++i) {
    if (text.size() >= 3 && kDays[i].starts_with(text)) return static_cast<int64_t>(i) + 1;
  }
  return std::nullopt;
}

std::string_view ShortDay(int64_t weekday) {
  return weekday >= 1 && weekday <= 7 ? kDays[static_cast<size_t>(weekday) - 1].substr(0, 3) : "?";
}

}  // namespace

std::string ShowHours(const WeeklyHours& hours) {
  return Cat(ShortDay(hours.weekday), " ", FormatMinute(hours.start_minute), "-",
             FormatMinute(hours.end_minute));
}

bool BeginsHours(std::string_view word) {
  const std::string plain = Plain(word);
  return DayOf(std::string_view(plain).substr(0, plain.find('-'))).has_value();
}

absl::StatusOr<std::vector<WeeklyHours>> ParseHours(std::string_view text) {
  constexpr std::string_view kForm = "DAY[-DAY] HH:MM-HH:MM, such as MON-FRI 09:00-17:00";
  const std::string plain = Plain(text);
  const std::vector<std::string_view> parts = Split(plain, ' ');
  if (parts.size() != 2) return Unreadable(text, kForm);
  const std::vector<std::string_view> days = Split(parts[0], '-'), hours = Split(parts[1], '-');
  if (days.size() > 2 || hours.size() != 2) return Unreadable(text, kForm);
  const auto first = DayOf(days.front()), last = DayOf(days.back());
  if (!first || !last) return Unreadable(text, "days from MON to SUN");
  if (*last < *first) {
    return Unreadable(text,
                      "days in the order of a week, from MON to SUN: two stretches where it "
                      "goes over Sunday");
  }
  const absl::StatusOr<int64_t> from = ParseMinute(hours[0]), to = ParseMinute(hours[1]);
  if (!from.ok()) return from.status();
  if (!to.ok()) return to.status();
  if (*to < *from) {
    return Unreadable(text, Cat("hours that end on the day on which they begin: over midnight, two "
                                "stretches, such as MON ",
                                FormatMinute(*from), "-24:00 and TUE 00:00-", FormatMinute(*to)));
  }
  if (*to == *from) return Unreadable(text, "an end after the beginning");
  std::vector<WeeklyHours> out;
  for (int64_t day = *first; day <= *last; ++day) out.push_back({day, *from, *to});
  return out;
}

}  // namespace capbroker
