#include "services/cli/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <sstream>

#include "services/files/text_file.h"

namespace capbroker {
namespace {

// Builds the tree from yaml-cpp's events. Unlike yaml-cpp's nodes, they carry the place of every
// scalar and show duplicate keys.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(YamlErrors& errors) : errors_(errors) {}
  Yaml Take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    CheckAnchor(mark, anchor);
    Put(At(mark, Yaml::Kind::kNothing));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    errors_.Add(At(mark, Yaml::Kind::kNothing), "", "got an alias, want the text itself");
    Put(At(mark, Yaml::Kind::kNothing));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    CheckAnchor(mark, anchor);
    Yaml node = At(mark, Yaml::Kind::kText);
    node.text = value;
    // "?" tags a plain scalar, which may spell null; quoted scalars are always texts.
    if (tag == "?" && (value == "~" || value == "null")) node.kind = Yaml::Kind::kNothing;
    Put(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    CheckAnchor(mark, anchor);
    open_.push_back({At(mark, Yaml::Kind::kList), {}, false});
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    CheckAnchor(mark, anchor);
    open_.push_back({At(mark, Yaml::Kind::kMap), {}, false});
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Open {
    Yaml node;
    Yaml key;
    bool has_key = false;
  };

  static Yaml At(const YAML::Mark& mark, Yaml::Kind kind) {
    return {.kind = kind, .line = mark.line + 1, .column = mark.column + 1};
  }
  void CheckAnchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0)
      errors_.Add(At(mark, Yaml::Kind::kNothing), "", "got an anchor, want plain YAML");
  }
  void Close() {
    Yaml node = std::move(open_.back().node);
    open_.pop_back();
    Put(std::move(node));
  }
  void Put(Yaml node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == Yaml::Kind::kList) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.has_key) {
      if (node.kind != Yaml::Kind::kText)
        errors_.Add(node, "", "want a word as the key of a field");
      for (const auto& [key, value] : parent.node.fields) {
        if (key.text == node.text)
          errors_.Add(node, node.text, Cat("is given twice, first on line ", key.line));
      }
      parent.key = std::move(node);
      parent.has_key = true;
    } else {
      parent.node.fields.emplace_back(std::move(parent.key), std::move(node));
      parent.has_key = false;
    }
  }

  YamlErrors& errors_;
  Yaml root_;
  std::vector<Open> open_;
};

}  // namespace

absl::StatusOr<Yaml> ReadYaml(std::string_view file, std::string_view text) {
  YamlErrors errors{std::string(file)};
  std::istringstream in{std::string(text)};
  try {
    YAML::Parser parser(in);
    TreeBuilder builder(errors);
    if (!parser.HandleNextDocument(builder)) {
      errors.Add(Yaml{}, "", "got an empty file");
      return errors.status();
    }
    TreeBuilder second(errors);
    if (errors.ok() && parser.HandleNextDocument(second)) {
      errors.Add(second.Take(), "", "got a second document, want one in a file");
    }
    if (!errors.ok()) return errors.status();
    return builder.Take();
  } catch (const YAML::Exception& error) {
    errors.Add({.line = error.mark.line + 1, .column = error.mark.column + 1}, "",
               Cat("not YAML: ", error.msg));
    return errors.status();
  }
}

absl::StatusOr<std::string> ReadInput(const std::string& path) {
  if (path != "-") return ReadTextFile("FILE", path);
  return std::string(std::istreambuf_iterator<char>(std::cin), {});
}

void YamlErrors::Add(const Yaml& where, std::string_view field, std::string_view problem) {
  if (!status_.ok()) return;
  status_ = absl::InvalidArgumentError(Cat(file_, ":", where.line, ":", where.column, ": ", field,
                                           field.empty() ? "" : ": ", problem));
}

std::string_view NameOfKind(Yaml::Kind kind) {
  switch (kind) {
    case Yaml::Kind::kNothing:
      return "nothing";
    case Yaml::Kind::kText:
      return "a text";
    case Yaml::Kind::kList:
      return "a list";
    case Yaml::Kind::kMap:
      return "a map";
  }
  return "";
}

std::string QuoteYaml(std::string_view text) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '/' || c == ' ' || c == '%' || c == '(' || c == ')' ||
           c == ';';
  };
  const bool starts_well =
      !text.empty() && ((text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z'));
  if (starts_well && text.back() != ' ' && std::all_of(text.begin(), text.end(), is_plain) &&
      text != "null" && text != "true" && text != "false") {
    return std::string(text);
  }
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace capbroker
