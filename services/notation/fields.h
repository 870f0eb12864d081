// Fields of records by the names that people write, in agreement files, stories and flags: found by
// name, read from text and written as text, by type.
//
// The field names of `asking`, `terms` and `fallback_policy`, and of what a clause says, stand
// beside those of the record that has them: a clause has `window`, not
// `first_refusal.asking.window`. Other records within have theirs behind a dot: "scope.regions".
// Which of several records stands there is the field `kind`, and of a policy `fallback_policy`.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "broker/values/record.h"
#include "services/notation/aliases.h"
#include "services/notation/field_text.h"

namespace capbroker {

// The name that tells which of several records there is.
inline constexpr std::string_view kKindField = "kind";
inline constexpr std::string_view kPolicyField = "fallback_policy";

inline bool IsTransparent(std::string_view name) {
  return name == "asking" || name == "terms" || name == "fallback_policy" || name == "request";
}

// A field that has texts of its own: everything but lists of records that are no hours of a week.
template <class T>
concept HasText = requires(T& field) {
  ReadTexts(WrittenName{}, std::vector<std::string>{}, field);
};

// Calls `each` with the path and the value of every such field, in the order of the lists.
template <class R>
void ForEachField(R& record, const std::string& prefix, auto&& each) {
  std::remove_const_t<R>::Fields(record, [&]<class F>(std::string_view name, F& field) {
    using Field = std::remove_const_t<F>;
    if constexpr (OneOfRecords<Field>) {
      each(std::string(kKindField), field);
      std::visit([&](auto& content) { ForEachField(content, prefix, each); }, field);
    } else if constexpr (Record<Field>) {
      const std::string own(name);
      if (!IsTransparent(name)) {
        ForEachField(field, prefix + own + ".", each);
        return;
      }
      ForEachField(field, prefix, [&](const std::string& path, auto& value) {
        each(path == prefix + std::string(kKindField) && own == kPolicyField ? prefix + own : path,
             value);
      });
    } else if constexpr (HasText<Field>) {
      each(prefix + std::string(name), field);
    }
  });
}

// Calls `visit` with the field of exactly this path. False if the record has none.
template <class R>
bool VisitField(R& record, std::string_view path, auto&& visit) {
  bool found = false;
  R::Fields(record, [&]<class F>(std::string_view name, F& field) {
    if (found) return;
    if constexpr (OneOfRecords<F>) {
      if (path == kKindField) {
        visit(field);
        found = true;
      } else {
        found = std::visit([&](auto& content) { return VisitField(content, path, visit); }, field);
      }
    } else if constexpr (Record<F>) {
      if (IsTransparent(name)) {
        found = VisitField(field, name == path && name == kPolicyField ? kKindField : path, visit);
      } else if (path.starts_with(name) && path.substr(name.size()).starts_with('.')) {
        found = VisitField(field, path.substr(name.size() + 1), visit);
      }
    } else if constexpr (HasText<F>) {
      if (name != path) return;
      visit(field);
      found = true;
    }
  });
  return found;
}

// The field that `written` names, by its name or by one that it had before: calls
// `visit(WrittenName, field)`. '-' is taken for '_'. False if the record has none.
template <class R>
bool FindField(R& record, std::string_view written, auto&& visit) {
  std::string path(written);
  std::replace(path.begin(), path.end(), '-', '_');
  WrittenName as{.name = path, .written = path};
  if (VisitField(record, path, [&](auto& field) { visit(as, field); })) return true;
  for (const Alias& alias : Aliases()) {
    if (alias.old != path) continue;
    as.name = alias.name;
    as.alias = &alias;
    if (VisitField(record, alias.name, [&](auto& field) { visit(as, field); })) return true;
  }
  return false;
}

// Whether a record within begins with this path: "scope".
template <class R>
bool HasRecord(R& record, std::string_view path) {
  bool found = false;
  ForEachField(record, "", [&](const std::string& field, auto&) {
    found |= field.starts_with(std::string(path) + ".");
  });
  return found;
}

// Sets a field from its texts: one, or those of a list.
//
// NOT_FOUND         the record has no such field.
// INVALID_ARGUMENT  "got ..., want ...".
template <class R>
absl::Status SetField(R& record, std::string_view written, const std::vector<std::string>& texts) {
  absl::Status status = absl::NotFoundError("no such field");
  FindField(record, written,
            [&](const WrittenName& as, auto& field) { status = ReadTexts(as, texts, field); });
  return status;
}

}  // namespace capbroker
