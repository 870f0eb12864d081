// Flags made from the fields of a record: "--unit-price" of `unit_price`, read as files and stories
// read it.
#pragma once

#include <CLI/CLI.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "services/notation/fields.h"

namespace capbroker {

// One field as it was written, and what an error about it calls it: "--quantity",
// "request.yaml:3:11: quantity".
struct Written {
  std::string field{};
  std::vector<std::string> texts{};
  std::string origin{};
};

// What `--help` says about a flag besides its name. The names of an enum are added.
struct FlagHelp {
  std::string_view field, type, what;
};

enum class FlagShape { kSwitch, kValue, kList };
// Adds one flag, and without a word about them those of the names that the field had before.
void AddFieldFlag(CLI::App& verb, const std::string& path, FlagShape shape, const FlagHelp& help,
                  std::vector<Written>& out);

template <class F>
constexpr FlagHelp HelpOfType() {
  if constexpr (std::is_same_v<F, Instant>)
    return {"", "WHEN", "An instant: RFC 3339, a date, or +30d"};
  else if constexpr (std::is_same_v<F, Span>)
    return {"", "DURATION", "A length of time: 2h"};
  else if constexpr (std::is_same_v<F, Window>)
    return {"", "WINDOW", "A length of time, or \"10 business days, until 16:00\""};
  else if constexpr (std::is_same_v<F, Money>)
    return {"", "AMOUNT", "An amount: \"2.5 USD\""};
  else if constexpr (std::is_same_v<F, Share>)
    return {"", "SHARE", "A share: 50%"};
  else if constexpr (std::is_same_v<F, int64_t>)
    return {"", "N", "A number: 8000 or 8,000"};
  else if constexpr (std::is_enum_v<F>)
    return {"", "NAME", "One of"};
  else
    return {"", "TEXT", "A text"};
}

// A flag for each field of the record but those in `without`, first those that `help` knows, in its
// order.
template <class R>
void AddFieldFlags(CLI::App& verb, const R& record, std::span<const FlagHelp> help,
                   std::span<const std::string_view> without, std::vector<Written>& out) {
  const auto add = [&](const std::string& path, const FlagHelp* known) {
    ForEachField(record, "", [&]<class F>(const std::string& field, const F&) {
      if (field != path) return;
      const FlagShape shape = std::is_same_v<F, bool> ? FlagShape::kSwitch
                              : ListField<F>          ? FlagShape::kList
                                                      : FlagShape::kValue;
      FlagHelp flag = known != nullptr ? *known : HelpOfType<F>();
      std::string what(flag.what);
      if constexpr (std::is_enum_v<F>) {
        std::string_view separator = ": ";
        for (const std::string_view name : Names<F>::values)
          what += Cat(std::exchange(separator, ", "), name);
      }
      flag.what = what;
      AddFieldFlag(verb, path, shape, flag, out);
    });
  };
  for (const FlagHelp& known : help) add(std::string(known.field), &known);
  ForEachField(record, "", [&](const std::string& path, const auto&) {
    const auto is_it = [&](const FlagHelp& known) { return known.field == path; };
    if (std::any_of(help.begin(), help.end(), is_it)) return;
    if (std::find(without.begin(), without.end(), path) != without.end()) return;
    add(path, nullptr);
  });
}

// Sets the fields of the record as they were written; `now` is for times such as "+36h".
//
// INVALID_ARGUMENT  "ORIGIN: got ..., want ...".
template <class R>
absl::Status SetFields(R& record, const std::vector<Written>& written, Instant now) {
  for (const Written& one : written) {
    absl::Status status = absl::NotFoundError("is unknown here");
    FindField(record, one.field, [&](WrittenName as, auto& field) {
      as.now = now;
      status = ReadTexts(as, one.texts, field);
    });
    if (!status.ok())
      return absl::InvalidArgumentError(Cat(one.origin, ": ", View(status.message())));
  }
  return absl::OkStatus();
}

}  // namespace capbroker
