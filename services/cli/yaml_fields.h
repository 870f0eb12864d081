// Maps of a YAML file as records: every field by its name or one that it had before, by type.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "broker/values/text.h"
#include "services/cli/yaml.h"
#include "services/notation/fields.h"

namespace capbroker {

// INVALID_ARGUMENT "got a list, want ...".
absl::Status NotOfKind(const Yaml& node, std::string_view want);

// A text for one value; a list of texts, or one of them alone, for a list.
template <class T>
absl::Status ReadNode(const WrittenName& as, const Yaml& node, T& out) {
  if constexpr (std::is_same_v<T, bool>) {  // "partial: {min: 10}" said that parts are allowed.
    if (node.kind == Yaml::Kind::kMap && as.alias != nullptr) {
      out = true;
      return absl::OkStatus();
    }
  }
  if (node.kind == Yaml::Kind::kText) return ReadTexts(as, {node.text}, out);
  if (!ListField<T> || node.kind != Yaml::Kind::kList)
    return NotOfKind(node, ListField<T> ? "a list" : "a text or a figure");
  std::vector<std::string> texts;
  for (const Yaml& item : node.items) {
    if (item.kind != Yaml::Kind::kText) return NotOfKind(item, "a text");
    texts.push_back(item.text);
  }
  return ReadTexts(as, texts, out);
}

// ---- The fields of a map.

// Those of `record` on the level of `prefix`: "a, b, c".
template <class R>
std::string KnownFields(R& record, const std::string& prefix,
                        const std::vector<std::string>& more) {
  std::vector<std::string> names = more, former;
  ForEachField(record, "", [&](const std::string& path, auto&) {
    if (!path.starts_with(prefix)) return;
    const std::string name = path.substr(prefix.size());
    names.push_back(name.substr(0, name.find('.')));
  });
  for (const Alias& alias : Aliases()) {  // A map under its former name: "partial".
    if (names.size() == more.size() && !prefix.empty() && alias.old.starts_with(prefix))
      former.emplace_back(alias.old.substr(prefix.size()));
  }
  names.insert(names.end(), former.begin(), former.end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::string list;
  for (const std::string& name : names) list += Cat(list.empty() ? "" : ", ", name);
  return list;
}

// Reads a map's fields into a record, those of maps within by their paths: "scope.regions".
class MapReader {
 public:
  // `others` are keys that the caller reads. `now` is for times such as "+36h"; unset: there are
  // none.
  MapReader(std::string at, std::vector<std::string> others, YamlErrors& errors, Instant now = {})
      : at_(std::move(at)), others_(std::move(others)), errors_(errors), now_(now) {}

  template <class R>
  void Read(const Yaml& map, R& record, const std::string& prefix = "") {
    if (map.kind != Yaml::Kind::kMap) {
      const std::string path = prefix.empty() ? at_ : PathOf(prefix.substr(0, prefix.size() - 1));
      errors_.Add(map, path, View(NotOfKind(map, "a map").message()));
      return;
    }
    for (const auto& [key, node] : map.fields) {
      const bool is_other =
          prefix.empty() && std::find(others_.begin(), others_.end(), key.text) != others_.end();
      if (!is_other) ReadOne(prefix + key.text, key, node, record);
    }
  }

 private:
  template <class R>
  void ReadOne(const std::string& path, const Yaml& key, const Yaml& node, R& record) {
    const bool found = FindField(record, path, [&](WrittenName as, auto& field) {
      as.now = now_;
      const auto [seen, is_new] = seen_.emplace(as.name, as.written);
      if (!is_new) {
        errors_.Add(key, PathOf(path), Cat("is given twice, as ", seen->second, " too"));
        return;
      }
      const absl::Status status = ReadNode(as, node, field);
      if (!status.ok()) errors_.Add(node, PathOf(path), View(status.message()));
    });
    if (HasRecord(record, path) || (found && node.kind == Yaml::Kind::kMap)) {
      Read(node, record, path + ".");
    } else if (!found) {
      const std::string prefix = path.substr(0, path.size() - key.text.size());
      errors_.Add(
          key, PathOf(path),
          Cat("is unknown here; want one of ",
              KnownFields(record, prefix, prefix.empty() ? others_ : std::vector<std::string>{})));
    }
  }
  std::string PathOf(const std::string& path) const {
    return Cat(at_, at_.empty() ? "" : ".", path);
  }

  const std::string at_;
  const std::vector<std::string> others_;
  YamlErrors& errors_;
  const Instant now_;
  std::map<std::string, std::string, std::less<>> seen_;  // How each field was written.
};

// Null where the map has no such key.
const Yaml* FindKey(const Yaml& map, std::string_view key);
// The elements of a list; null, perhaps with an error, where there is none.
const std::vector<Yaml>* FindList(const Yaml& map, std::string_view key, YamlErrors& errors);

}  // namespace capbroker
