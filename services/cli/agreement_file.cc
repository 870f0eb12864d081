#include "services/cli/agreement_file.h"

#include <algorithm>
#include <utility>

#include "broker/agreements/agreement.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/cli/name_arguments.h"
#include "services/cli/yaml_fields.h"
#include "services/messages/fields.h"
#include "services/messages/parse_values.h"
#include "services/messages/render.h"

namespace capbroker {
namespace {

// What a clause is has to be known before what it says.
Clause ReadClause(const Yaml& node, const std::string& at, YamlErrors& errors) {
  Clause clause;
  if (node.kind != Yaml::Kind::kMap) {
    errors.Add(node, at, View(NotOfKind(node, "a map").message()));
    return clause;
  }
  const Yaml* kind = FindKey(node, kKindField);
  if (kind == nullptr) {
    errors.Add(node, at + ".kind",
               "got nothing, want EXCLUSIVITY, FIRST_REFUSAL, WAIVER, COMMITMENT, TERM, TRIGGER or "
               "NOTED");
    return clause;
  }
  const absl::Status status =
      ReadNode({.name = kKindField, .written = kKindField}, *kind, clause.content);
  if (!status.ok()) errors.Add(*kind, at + ".kind", View(status.message()));
  if (errors.ok()) MapReader(at, {std::string(kKindField)}, errors).Read(node, clause);
  return clause;
}

// ---- Where an error of Validate stands.

// "clauses[1].first_refusal.asking.window" as the file has it: "clauses[1].window".
std::string InFile(std::string field) {
  std::vector<std::string> transparent = {"asking."};
  [&]<class... T>(std::type_identity<std::variant<T...>>) {
    (transparent.push_back(Cat(T::kName, ".")), ...);
  }(std::type_identity<decltype(Clause::content)>{});
  for (const std::string& name : transparent) {
    const size_t at = field.find("." + name);
    if (at != std::string::npos) field.erase(at + 1, name.size());
  }
  return field;
}

// The node of a field "clauses[1].window", or the nearest that there is.
const Yaml& NodeOf(const Yaml& root, std::string_view field) {
  const Yaml* node = &root;
  for (std::string_view part : Split(field, '.')) {
    const size_t bracket = part.find('[');
    const Yaml* next =
        node->kind == Yaml::Kind::kMap ? FindKey(*node, part.substr(0, bracket)) : nullptr;
    if (next == nullptr) return *node;
    node = next;
    if (bracket == std::string_view::npos) continue;
    const auto index = ParseNumber<size_t>(part.substr(bracket + 1, part.size() - bracket - 2));
    if (!index || *index >= node->items.size()) return *node;
    node = &node->items[*index];
  }
  return *node;
}

// INVALID_ARGUMENT where the broker would refuse the message.
constexpr char kInMessage[] = "version";
absl::Status CheckMessage(const AgreementVersion& version) {
  v1::AgreementVersion message;
  Render(version, &message);
  Fields fields;
  ReadVersion(fields, kInMessage, message);
  return fields.status();
}

// What a version must satisfy by itself. Whether its time zones are known is the broker's to say,
// not this machine's.
void CheckVersion(const Yaml& root, AgreementVersion version, YamlErrors& errors) {
  if (!version.effective_from.IsSet()) version.effective_from = Instant{1};
  for (Calendar& calendar : version.calendars) {
    if (!calendar.time_zone.empty()) calendar.time_zone = "UTC";
  }
  absl::Status status = Validate(version);
  if (status.ok()) status = CheckMessage(version);
  if (status.ok()) return;
  const std::string field = FieldOf(status), prefix = Cat(kInMessage, ".");
  const std::string in_file =
      InFile(field.starts_with(prefix) ? field.substr(prefix.size()) : field);
  std::string_view problem = View(status.message());
  if (problem.starts_with(field)) problem.remove_prefix(std::min(field.size() + 2, problem.size()));
  errors.Add(NodeOf(root, in_file), in_file, problem);
}

void CheckName(const Yaml& root, std::string_view key, const std::string& got, YamlErrors& errors) {
  if (IsName(got)) return;
  errors.Add(NodeOf(root, key), key,
             Cat("got ", got.empty() ? "nothing" : Cat("\"", got, "\""),
                 ", want 1 to 63 of a-z, 0-9 and '-', beginning with a letter"));
}

// ---- Writing.

// The fields of a record that say something, as lines "key: value" of an element of a list; those
// behind a dot in braces: "scope: {regions: [us-east]}".
class ElementText {
 public:
  template <class R>
  std::string Write(const R& record) {
    ForEachField(record, "", [&]<class F>(const std::string& path, const F& field) {
      if constexpr (!OneOfRecords<F>) {
        if (field == F{}) return;
      }
      const size_t dot = path.find('.');
      Add(path.substr(0, dot), dot == std::string::npos ? "" : path.substr(dot + 1),
          TextOf(path, field));
    });
    std::stable_sort(lines_.begin(), lines_.end(),
                     [](const Line& a, const Line& b) { return RankOf(a.key) < RankOf(b.key); });
    std::string out;
    for (const Line& line : lines_) {
      out += Cat(out.empty() ? "  - " : "    ", line.key, ": ",
                 line.is_map ? Cat("{", line.value, "}") : line.value, "\n");
    }
    return out;
  }

 private:
  struct Line {
    std::string key, value;
    bool is_map = false;
  };

  // What it is comes first, and the words last.
  static int RankOf(std::string_view key) {
    return key == "id" ? 0 : key == kKindField ? 1 : key == "scope" ? 2 : key == "text" ? 4 : 3;
  }
  void Add(std::string key, const std::string& inner, std::string value) {
    if (inner.empty()) {
      lines_.push_back({std::move(key), std::move(value)});
      return;
    }
    const auto line = std::find_if(lines_.begin(), lines_.end(),
                                   [&](const Line& other) { return other.key == key; });
    if (line == lines_.end()) {
      lines_.push_back({std::move(key), Cat(inner, ": ", value), true});
    } else {
      line->value += Cat(", ", inner, ": ", value);
    }
  }
  template <class F>
  static std::string TextOf(const std::string& path, const F& field) {
    if constexpr (ListField<F>) {
      std::string out;
      for (const std::string& text : WriteTexts(path, field))
        out += Cat(out.empty() ? "[" : ", ", QuoteYaml(text));
      return out + "]";
    } else if constexpr (std::is_same_v<F, std::string>) {
      return QuoteYaml(field);
    } else {
      return WriteText(path, field);
    }
  }

  std::vector<Line> lines_;
};

}  // namespace

absl::StatusOr<OwnedAgreement> ReadAgreement(std::string_view file, std::string_view text) {
  const absl::StatusOr<Yaml> root = ReadYaml(file, text);
  if (!root.ok()) return root.status();
  YamlErrors errors{std::string(file)};
  OwnedAgreement out;
  AgreementVersion& version = out.version;
  MapReader(/*at=*/"", {"owner", "calendars", "clauses", "effective_to"}, errors)
      .Read(*root, version);
  if (!errors.ok()) return errors.status();
  if (const Yaml* owner = FindKey(*root, "owner"); owner != nullptr) out.owner.value = owner->text;
  if (const Yaml* end = FindKey(*root, "effective_to"); end != nullptr)
    errors.Add(*end, "effective_to", "is the next version's to say, or a TERM's");
  CheckName(*root, "agreement", version.agreement.value, errors);
  CheckName(*root, "owner", out.owner.value, errors);
  CheckName(*root, "holder", version.holder.value, errors);
  if (const auto* calendars = FindList(*root, "calendars", errors); calendars != nullptr) {
    for (size_t i = 0; i < calendars->size() && errors.ok(); ++i) {
      MapReader(Cat("calendars[", i, "]"), {}, errors)
          .Read((*calendars)[i], version.calendars.emplace_back());
    }
  }
  if (const auto* clauses = FindList(*root, "clauses", errors); clauses != nullptr) {
    for (size_t i = 0; i < clauses->size() && errors.ok(); ++i)
      version.clauses.push_back(ReadClause((*clauses)[i], Cat("clauses[", i, "]"), errors));
  }
  if (errors.ok()) CheckVersion(*root, version, errors);
  if (!errors.ok()) return errors.status();
  return out;
}

absl::StatusOr<OwnedAgreement> LoadAgreement(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadInput(path);
  if (!text.ok()) return text.status();
  return ReadAgreement(path, *text);
}

LoadAgreementVersion AgreementsBeside(const std::string& scenario_path) {
  const size_t slash = scenario_path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : scenario_path.substr(0, slash + 1);
  return [folder](const std::string& path) -> absl::StatusOr<OwnedAgreement> {
    const std::string whole = path.starts_with('/') ? path : folder + path;
    absl::StatusOr<OwnedAgreement> loaded = LoadAgreement(whole);
    if (loaded.ok() && !loaded->version.effective_from.IsSet()) {
      return absl::InvalidArgumentError(
          Cat(whole, ": effective_from: got nothing, want an instant"));
    }
    return loaded;
  };
}

std::string WriteAgreement(const OwnedAgreement& agreement) {
  const AgreementVersion& version = agreement.version;
  std::string out = Cat("agreement: ", version.agreement.value, "\nowner: ", agreement.owner.value,
                        "\nholder: ", version.holder.value, "\n");
  if (version.version != 0) out += Cat("version: ", version.version, "\n");
  if (version.effective_from.IsSet())
    out += Cat("effective_from: ", WriteText("", version.effective_from), "\n");
  if (!version.text.empty()) out += Cat("text: ", QuoteYaml(version.text), "\n");
  if (version.closed_lists) out += "closed_lists: true\n";
  if (!version.calendars.empty()) out += "calendars:\n";
  for (const Calendar& calendar : version.calendars) out += ElementText().Write(calendar);
  out += "clauses:\n";
  for (const Clause& clause : version.clauses) out += ElementText().Write(clause);
  return out;
}

OwnedAgreement FromMessage(const v1::Agreement& agreement, const v1::AgreementVersion& version) {
  Fields fields;  // What a newer broker says besides is not shown.
  const std::string name = ShortName(agreement.name());
  OwnedAgreement out{{name.substr(0, name.find('/'))}, ReadVersion(fields, "version", version)};
  out.version.agreement.value = name.substr(name.find('/') + 1);
  out.version.holder.value = ShortName(agreement.holder());
  out.version.version = static_cast<uint32_t>(version.version());
  return out;
}

}  // namespace capbroker
