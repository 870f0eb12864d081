#include "services/notation/field_text.h"

#include <algorithm>
#include <tuple>

#include "broker/values/show.h"

namespace capbroker {
namespace {

// Hands the value to `out`, if there is one.
template <class T>
absl::Status Take(const absl::StatusOr<T>& value, T& out) {
  if (value.ok()) out = *value;
  return value.status();
}

// A bare number is of what the name says: parts per million, or a fraction of all.
absl::StatusOr<int64_t> ReadShare(const WrittenName& as, std::string_view text) {
  const auto ppm = ParseNumber<int64_t>(text);
  if (!ppm || *ppm == 0 || !as.written.ends_with("_ppm")) return ParseShare(text);
  if (*ppm > 0 && *ppm <= 100)  // Somebody may mean a percentage.
    return Unreadable(text, Cat(text, "% or ", text, "ppm"));
  return ParseShare(Cat(text, "ppm"));
}

}  // namespace

std::string Lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string Raised(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

absl::Status NoSuchName(std::string_view got, const std::vector<std::string_view>& names) {
  std::string list;
  for (std::string_view name : names) {
    if (!name.empty()) list += Cat(list.empty() ? "" : ", ", name);
  }
  return Unreadable(got, Cat("one of ", list));
}

absl::Status ReadText(const WrittenName& as, std::string_view text, bool& out) {
  const bool has_words = as.alias != nullptr && !as.alias->yes.empty();
  if (has_words && (text == as.alias->yes || text == as.alias->no)) {
    out = text == as.alias->yes;
  } else if (!has_words && (text == "true" || text == "yes")) {
    out = true;
  } else if (!has_words && (text == "false" || text == "no")) {
    out = false;
  } else {
    return Unreadable(
        text, has_words ? Cat(as.alias->yes, " or ", as.alias->no) : std::string("true or false"));
  }
  return absl::OkStatus();
}
absl::Status ReadText(const WrittenName& as, std::string_view text, int64_t& out) {
  return Take(as.name.ends_with("_ppm") ? ReadShare(as, text) : ParseQuantity(text), out);
}
absl::Status ReadText(const WrittenName&, std::string_view text, uint32_t& out) {
  const auto number = ParseNumber<uint32_t>(text);
  if (!number || *number == 0) return Unreadable(text, "a number from 1");
  out = *number;
  return absl::OkStatus();
}
absl::Status ReadText(const WrittenName& as, std::string_view text, Share& out) {
  return Take(ReadShare(as, text), out.ppm);
}
absl::Status ReadText(const WrittenName&, std::string_view text, Span& out) {
  return Take(ParseDuration(text), out);
}
absl::Status ReadText(const WrittenName&, std::string_view text, Window& out) {
  return Take(ParseLength(text), out);
}
absl::Status ReadText(const WrittenName& as, std::string_view text, Instant& out) {
  if (text.starts_with('+') && !as.now.IsSet())
    return Unreadable(
        text, "an instant such as 2025-02-06T09:00:00Z; a file means the same on every day");
  return Take(ParseWhen(text, as.now), out);
}
absl::Status ReadText(const WrittenName&, std::string_view text, Money& out) {
  return Take(ParseAmount(text), out);
}
absl::Status ReadText(const WrittenName&, std::string_view text, std::string& out) {
  out = text;
  return absl::OkStatus();
}

absl::Status ReadText(const WrittenName&, std::string_view text, ProviderId& out) {
  constexpr std::string_view kCollection = "providers/";
  if (text.starts_with(kCollection)) text.remove_prefix(kCollection.size());
  out.value = text;
  return absl::OkStatus();
}

absl::Status ReadTexts(const WrittenName&, const std::vector<std::string>& texts,
                       std::vector<WeeklyHours>& out) {
  std::vector<WeeklyHours> all;
  for (const std::string& text : texts) {
    const absl::StatusOr<std::vector<WeeklyHours>> hours = ParseHours(text);
    if (!hours.ok()) return hours.status();
    all.insert(all.end(), hours->begin(), hours->end());
  }
  std::stable_sort(all.begin(), all.end(), [](const WeeklyHours& a, const WeeklyHours& b) {
    return std::tie(a.weekday, a.start_minute) < std::tie(b.weekday, b.start_minute);
  });
  out = std::move(all);
  return absl::OkStatus();
}

std::string WriteText(std::string_view, bool v) { return v ? "true" : "false"; }
std::string WriteText(std::string_view name, int64_t v) {
  return name.ends_with("_ppm") ? ShowShare(v) : Cat(v);
}
std::string WriteText(std::string_view, uint32_t v) { return Cat(v); }
std::string WriteText(std::string_view, Share v) { return ShowShare(v.ppm); }
std::string WriteText(std::string_view, Span v) { return ShowSpan(v); }
std::string WriteText(std::string_view, const Window& v) { return ShowWindow(v); }
std::string WriteText(std::string_view, Instant v) {
  return v.micros % 1'000 == 0 ? ShowTime(v) : Format(v);  // Not shorter than it is.
}
std::string WriteText(std::string_view, const Money& v) { return ShowMoney(v); }
std::string WriteText(std::string_view, const std::string& v) { return v; }
std::string WriteText(std::string_view, const WeeklyHours& v) { return ShowHours(v); }

}  // namespace capbroker
