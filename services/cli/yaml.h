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

// "a map", "a list".
std::string_view NameOfKind(Yaml::Kind kind);

// The text as one-line YAML: plain where that reads back as the same text, else in double quotes.
std::string QuoteYaml(std::string_view text);

}  // namespace capbroker
