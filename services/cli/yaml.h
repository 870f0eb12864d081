// YAML files of people: read into a small tree that knows where everything stood, so that an error
// can say file, line and column. The one place that knows yaml-cpp is yaml.cc.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/values/text.h"

namespace capbroker {

struct Yaml {
  enum class Kind { kNothing, kText, kList, kMap };
  Kind kind = Kind::kNothing;
  int line = 1, column = 1;  // From 1.
  std::string text{};
  std::vector<Yaml> items{};
  std::vector<std::pair<Yaml, Yaml>> fields{};  // In the file's order.
};

// INVALID_ARGUMENT "FILE:LINE:COLUMN: ..." where it is no YAML, holds a key twice or several
// documents, or uses anchors, which a reader of a contract should not have to resolve.
absl::StatusOr<Yaml> ReadYaml(std::string_view file, std::string_view text);
// The whole of a file ("-": standard input). INVALID_ARGUMENT where it cannot be read.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// The first error met while a file is read; later ones would only follow from it.
class YamlErrors {
 public:
  explicit YamlErrors(std::string file) : file_(std::move(file)) {}
  // "azure.yaml:12:5: clauses[1].window: got "3 dayz", want a length of time".
  void Add(const Yaml& where, std::string_view field, std::string_view problem);
  const absl::Status& status() const { return status_; }
  bool ok() const { return status_.ok(); }

 private:
  const std::string file_;
  absl::Status status_;
};

// Takes the fields of a map one by one, so that at the end the unknown ones are known.
class YamlMap {
 public:
  // `path` is what the map is called in errors: "clauses[1]", or empty for the whole file.
  YamlMap(const Yaml& node, std::string path, YamlErrors& errors);

  // Null if the field is absent.
  const Yaml* Find(std::string_view key);
  // The field as text, if it is there.
  const Yaml* FindText(std::string_view key);
  // Parses the field's text, if it is there, into `out`; `parse` says "got ..., want ..." when it
  // cannot.
  template <class T, class Parse>
  bool Read(std::string_view key, T& out, Parse parse) {
    const Yaml* node = FindText(key);
    if (node == nullptr) return false;
    auto value = parse(std::string_view(node->text));
    if (!value.ok()) {
      errors_.Add(*node, PathOf(key), View(value.status().message()));
      return false;
    }
    out = *std::move(value);
    return true;
  }
  bool ReadText(std::string_view key, std::string& out);
  bool ReadBool(std::string_view key, bool& out);
  // A list of texts; one text alone is a list of one.
  bool ReadTexts(std::string_view key, std::vector<std::string>& out);
  // An error where the field is absent.
  void Require(std::string_view key, std::string_view want);
  // An error where a field was never asked for; it lists those that were.
  void Done();

  std::string PathOf(std::string_view key) const;
  const Yaml& node() const { return node_; }
  YamlErrors& errors() { return errors_; }

 private:
  const Yaml& node_;
  const std::string path_;
  YamlErrors& errors_;
  std::vector<std::string> known_;
};

// A text as YAML writes it on one line: plain where that reads back as the same text, else in
// double quotes.
std::string QuoteYaml(std::string_view text);

}  // namespace capbroker
