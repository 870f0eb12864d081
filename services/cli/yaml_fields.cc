#include "services/cli/yaml_fields.h"

namespace capbroker {

absl::Status NotOfKind(const Yaml& node, std::string_view want) {
  return absl::InvalidArgumentError(Cat("got ", NameOfKind(node.kind), ", want ", want));
}

const Yaml* FindKey(const Yaml& map, std::string_view key) {
  for (const auto& [name, value] : map.fields) {
    if (name.text == key) return &value;
  }
  return nullptr;
}

const std::vector<Yaml>* FindList(const Yaml& map, std::string_view key, YamlErrors& errors) {
  const Yaml* list = FindKey(map, key);
  if (list == nullptr) return nullptr;
  if (list->kind == Yaml::Kind::kList) return &list->items;
  errors.Add(*list, key, View(NotOfKind(*list, "a list").message()));
  return nullptr;
}

}  // namespace capbroker
