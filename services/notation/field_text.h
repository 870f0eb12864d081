// The text of one value, by its type, read and written.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/values/calendar.h"
#include "broker/values/ids.h"
#include "broker/values/money.h"
#include "broker/values/names.h"
#include "broker/values/record.h"
#include "broker/values/share.h"
#include "broker/values/text.h"
#include "broker/values/time.h"
#include "broker/values/window.h"
#include "services/notation/aliases.h"
#include "services/notation/parse.h"

namespace capbroker {

// How a field was named, and what it is called. `now` is for times such as "+36h"; unset: there are
// none, since a file means the same on every day.
struct WrittenName {
  std::string_view name{}, written{};
  const Alias* alias = nullptr;  // By which it was found; null: by its name.
  Instant now{};
};

// ---- Reading.
// INVALID_ARGUMENT "got ..., want ..." each.
absl::Status ReadText(const WrittenName& as, std::string_view text, bool& out);
// Of a `_ppm`: "2%", "0.02", "20000ppm" or, by that name, "20000". Else a quantity.
absl::Status ReadText(const WrittenName& as, std::string_view text, int64_t& out);
absl::Status ReadText(const WrittenName& as, std::string_view text, uint32_t& out);  // From 1.
absl::Status ReadText(const WrittenName& as, std::string_view text, Share& out);
absl::Status ReadText(const WrittenName& as, std::string_view text, Span& out);
absl::Status ReadText(const WrittenName& as, std::string_view text, Window& out);
absl::Status ReadText(const WrittenName& as, std::string_view text, Instant& out);
absl::Status ReadText(const WrittenName& as, std::string_view text, Money& out);
absl::Status ReadText(const WrittenName& as, std::string_view text, std::string& out);
absl::Status ReadText(const WrittenName& as, std::string_view text,
                      ProviderId& out);  // Also "providers/{provider}".
template <class Tag>
absl::Status ReadText(const WrittenName&, std::string_view text, Id<Tag>& out) {
  out.value = text;
  return absl::OkStatus();
}

std::string Lowered(std::string_view text);  // "first_refusal" of "FIRST_REFUSAL".
std::string Raised(std::string_view text);   // "FIRST_REFUSAL" of "first_refusal".
// "got "...", want one of A, B".
absl::Status NoSuchName(std::string_view got, const std::vector<std::string_view>& names);
template <class E>
requires std::is_enum_v<E> absl::Status ReadText(const WrittenName&, std::string_view text,
                                                 E& out) {
  const std::optional<E> value = ValueOf<E>(text);
  if (!value) return NoSuchName(text, {Names<E>::values.begin(), Names<E>::values.end()});
  out = *value;
  return absl::OkStatus();
}

// Which of several records, "FIRST_REFUSAL": one with every default. How the holder is asked stays,
// where the one before said it too.
template <OneOfRecords V>
absl::Status ReadText(const WrittenName&, std::string_view text, V& out) {
  V made;
  if (!MakeAlternative(Lowered(text), made) || Raised(Lowered(text)) != text) {
    std::vector<std::string> names;
    [&]<class... T>(std::type_identity<std::variant<T...>>) {
      (names.push_back(Raised(T::kName)), ...);
    }(std::type_identity<V>{});
    return NoSuchName(text, {names.begin(), names.end()});
  }
  std::visit(
      [](auto& now, const auto& before) {
        if constexpr (requires { now.asking = before.asking; }) now.asking = before.asking;
      },
      made, out);
  out = std::move(made);
  return absl::OkStatus();
}

// All texts of a field: one, or those of a list.
template <class T>
requires requires(T& out) { ReadText(WrittenName{}, "", out); }
absl::Status ReadTexts(const WrittenName& as, const std::vector<std::string>& texts, T& out) {
  if (texts.size() == 1) return ReadText(as, texts.front(), out);
  return absl::InvalidArgumentError(Cat("got ", texts.size(), " values, want one"));
}
template <class T>
requires requires(T& out) { ReadText(WrittenName{}, "", out); }
absl::Status ReadTexts(const WrittenName& as, const std::vector<std::string>& texts,
                       std::vector<T>& out) {
  std::vector<T> all;
  for (const std::string& text : texts) {
    if (absl::Status status = ReadText(as, text, all.emplace_back()); !status.ok()) return status;
  }
  out = std::move(all);
  return absl::OkStatus();
}
// "MON-FRI 09:00-17:00" each, in any order.
absl::Status ReadTexts(const WrittenName& as, const std::vector<std::string>& texts,
                       std::vector<WeeklyHours>& out);

// ---- Writing.
// What ReadText reads back as the same.
std::string WriteText(std::string_view name, bool v);
std::string WriteText(std::string_view name, int64_t v);
std::string WriteText(std::string_view name, uint32_t v);
std::string WriteText(std::string_view name, Share v);
std::string WriteText(std::string_view name, Span v);
std::string WriteText(std::string_view name, const Window& v);
std::string WriteText(std::string_view name, Instant v);
std::string WriteText(std::string_view name, const Money& v);
std::string WriteText(std::string_view name, const std::string& v);
std::string WriteText(std::string_view name, const WeeklyHours& v);
template <class Tag>
std::string WriteText(std::string_view, const Id<Tag>& v) {
  return v.value;
}
template <class E>
requires std::is_enum_v<E> std::string WriteText(std::string_view, E v) {
  return std::string(NameOf(v));
}
template <OneOfRecords V>
std::string WriteText(std::string_view, const V& v) {
  return std::visit([](const auto& content) { return Raised(content.kName); }, v);
}

// A text for one value, texts for a list.
template <class T>
std::vector<std::string> WriteTexts(std::string_view name, const T& v) {
  if constexpr (ListField<T>) {
    std::vector<std::string> out;
    for (const auto& element : v) out.push_back(WriteText(name, element));
    return out;
  } else {
    return {WriteText(name, v)};
  }
}

}  // namespace capbroker
