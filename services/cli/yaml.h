// YAML files: parsed into a small tree that knows each node's place, so that errors can name file,
// line and column. Only yaml.cc uses yaml-cpp.
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

// INVALID_ARGUMENT "FILE:LINE:COLUMN: ..." if the text is no YAML, has a duplicate key or several
// documents, or uses anchors, which readers of a contract should not have to resolve.
absl::StatusOr<Yaml> ReadYaml(std::string_view file, std::string_view text);
// Reads a whole file ("-": standard input). INVALID_ARGUMENT if it cannot be read.
absl::StatusOr<std::string> ReadInput(const std::string& path);

// Keeps the first error in a file; later ones would only follow from it.
class YamlErrors {
 public:
  explicit YamlErrors(std::string file) : file_(std::move(file)) {}
  // Formats as: azure.yaml:12:5: clauses[1].window: got "3 dayz", want a length of time.
  void Add(const Yaml& where, std::string_view field, std::string_view problem);
  const absl::Status& status() const { return status_; }
  bool ok() const { return status_.ok(); }

 private:
  const std::string file_;
  absl::Status status_;
};

// Reads the fields of a map one by one; Done reports those that nobody asked for.
class YamlMap {
 public:
  // `path` names the map in errors: "clauses[1]", or empty for the whole file.
  YamlMap(const Yaml& node, std::string path, YamlErrors& errors);

  // Null if absent.
  const Yaml* Find(std::string_view key);
  // Null if absent; adds an error if it is no text.
  const Yaml* FindText(std::string_view key);
  // Parses the field's text into `out` if it is present. An error of `parse` says "got ..., want
  // ...".
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
  // Reads a list of texts; a single text is a list of one.
  bool ReadTexts(std::string_view key, std::vector<std::string>& out);
  // Adds an error if the field is absent.
  void Require(std::string_view key, std::string_view want);
  // Adds an error if the map has a field that was never asked for; it lists the known ones.
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

// The text as one-line YAML: plain where that reads back as the same text, else in double quotes.
std::string QuoteYaml(std::string_view text);

}  // namespace capbroker
