// Joining and splitting text. Abseil's StrCat would do, but Debian builds Abseil with a string_view
// of its own, which neither takes nor gives the standard one.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/string_view.h"

namespace capbroker {

inline std::string_view View(absl::string_view text) { return {text.data(), text.size()}; }

inline void AppendTo(std::string& out, std::string_view text) { out += text; }
inline void AppendTo(std::string& out, absl::string_view text) { out += View(text); }
inline void AppendTo(std::string& out, const std::string& text) { out += text; }
inline void AppendTo(std::string& out, const char* text) { out += text; }
template <std::integral T>
requires(!std::same_as<T, bool>) void AppendTo(std::string& out, T number) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

// The arguments, text and whole numbers, one after the other.
template <class... Parts>
std::string Cat(const Parts&... parts) {
  std::string out;
  (AppendTo(out, parts), ...);
  return out;
}

// The pieces between separators; "a//b" has three, "" has one.
inline std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t from = 0;;) {
    const size_t to = text.find(separator, from);
    parts.push_back(text.substr(from, to - from));
    if (to == std::string_view::npos) return parts;
    from = to + 1;
  }
}

// A whole decimal number, nothing before or after it; nullopt also when it does not fit.
template <std::integral T>
std::optional<T> ParseNumber(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace capbroker
