#include "services/cli/agreement_file.h"

#include "broker/agreement.h"
#include "broker/ids.h"
#include "broker/text.h"
#include "services/cli/parse.h"
#include "services/cli/wire.h"
#include "services/cli/yaml.h"

namespace capbroker {
namespace {

absl::Status Unreadable(std::string_view got, std::string_view want) {
  return absl::InvalidArgumentError(Cat("got \"", got, "\", want ", want));
}

absl::StatusOr<std::string> ReadId(std::string_view text) {
  if (IsName(text)) return std::string(text);
  return Unreadable(text, "1 to 63 of a-z, 0-9 and '-', beginning with a letter");
}

absl::StatusOr<Instant> ReadInstant(std::string_view text) {
  if (text.starts_with('+')) return Unreadable(text, "an instant; a file means the same on every day");
  return ParseWhen(text, Instant{});
}

// The value among an enum's names, or an error that lists them.
template <class E>
absl::StatusOr<E> ReadName(std::string_view text) {
  if (const std::optional<E> value = ValueOf<E>(text)) return *value;
  std::string names;
  for (std::string_view name : Names<E>::values) names += Cat(names.empty() ? "" : ", ", name);
  return Unreadable(text, Cat("one of ", names));
}

void ReadInstantField(YamlMap& map, std::string_view key, auto mutable_out) {
  Instant t;
  if (map.Read(key, t, ReadInstant)) ToWire(t, mutable_out());
}
void ReadSpanField(YamlMap& map, std::string_view key, auto mutable_out) {
  Span d;
  if (map.Read(key, d, ParseDuration)) ToWire(d, mutable_out());
}

void ReadScope(YamlMap& clause, v1::Clause& out) {
  const Yaml* node = clause.Find("scope");
  if (node == nullptr) return;
  YamlMap map(*node, clause.PathOf("scope"), clause.errors());
  v1::Scope& scope = *out.mutable_scope();
  const auto list = [&](std::string_view key, auto* field) {
    std::vector<std::string> texts;
    if (map.ReadTexts(key, texts)) field->Add(texts.begin(), texts.end());
  };
  list("classes", scope.mutable_workload_classes());
  list("purposes", scope.mutable_purposes());
  list("resource_types", scope.mutable_resource_types());
  list("regions", scope.mutable_regions());
  bool new_only = false;
  if (map.ReadBool("new_capacity_only", new_only)) scope.set_new_capacity_only(new_only);
  int64_t quantity = 0;
  if (map.Read("min_quantity", quantity, ParseQuantity)) scope.set_min_quantity(quantity);
  ReadInstantField(map, "delivery_from", [&] { return scope.mutable_delivery_start_time(); });
  ReadInstantField(map, "delivery_to", [&] { return scope.mutable_delivery_end_time(); });
  map.Done();
}

// What an exclusivity and a first refusal have in common: how the holder is asked.
template <class Right>
void ReadRight(YamlMap& map, Right& right) {
  map.Require("window", "how long the holder has to answer, such as 3d");
  ReadSpanField(map, "window", [&] { return right.mutable_window(); });
  if (const Yaml* node = map.Find("partial"); node != nullptr) {
    YamlMap partial(*node, map.PathOf("partial"), map.errors());
    int64_t min = 0, step = 0;
    partial.Read("min", min, ParseQuantity);
    partial.Read("step", step, ParseQuantity);
    right.mutable_partial_acceptance()->set_min_quantity(min);
    right.mutable_partial_acceptance()->set_quantity_step(step);
    partial.Done();
  }
  bool void_at_end = false;
  map.Read("open_offers_at_end", void_at_end, [](std::string_view text) -> absl::StatusOr<bool> {
    if (text == "RUN_OFF" || text == "VOID") return text == "VOID";
    return Unreadable(text, "RUN_OFF or VOID");
  });
  if (void_at_end) right.set_open_offers_at_end(v1::OPEN_OFFERS_AT_END_VOID);
  ReadSpanField(map, "toll_over", [&] { return right.mutable_toll_over(); });
}

void ReadFirstRefusal(YamlMap& map, v1::FirstRefusal& right) {
  Mode mode = Mode::kFirstOffer;
  map.Read("mode", mode, ReadName<Mode>);
  right.set_mode(static_cast<v1::FirstRefusal::Mode>(static_cast<int>(mode) + 1));  // Without UNSPECIFIED.
  ReadRight(map, right);
  int32_t priority = 0;
  map.Read("priority", priority, [](std::string_view text) -> absl::StatusOr<int32_t> {
    if (const auto number = ParseNumber<int32_t>(text)) return *number;
    return Unreadable(text, "a whole number; lower is asked first");
  });
  right.set_priority(priority);
  int64_t ppm = 0;
  if (map.Read("price_tolerance", ppm, [](std::string_view text) { return ParseShare(text); })) {
    right.set_price_tolerance_ppm(static_cast<int32_t>(ppm));
  }
  ReadSpanField(map, "start_tolerance", [&] { return right.mutable_start_tolerance(); });
}

void ReadWaiver(YamlMap& map, v1::Waiver& waiver) {
  std::vector<std::string> lifts;
  map.Require("lifts", "the ids of the clauses it lifts, such as [C2]");
  if (map.ReadTexts("lifts", lifts)) waiver.mutable_lifted_clause_ids()->Add(lifts.begin(), lifts.end());
  int64_t number = 0;
  if (map.Read("min_share", number, [](std::string_view text) { return ParseShare(text); })) {
    waiver.set_min_share_ppm(static_cast<int32_t>(number));
  }
  if (map.Read("cap", number, ParseQuantity)) waiver.set_cap_quantity(number);
  ReadInstantField(map, "from", [&] { return waiver.mutable_start_time(); });
  ReadInstantField(map, "to", [&] { return waiver.mutable_end_time(); });
}

void ReadClause(const Yaml& node, const std::string& path, YamlErrors& errors, v1::Clause& out) {
  YamlMap map(node, path, errors);
  if (!errors.ok()) return;
  map.Require("id", "the clause's name, such as C2");
  map.ReadText("id", *out.mutable_id());
  map.Require("kind", "EXCLUSIVITY, FIRST_REFUSAL, WAIVER, COMMITMENT, TERM or NOTED");
  ClauseKind kind = ClauseKind::kNoted;
  map.Read("kind", kind, [](std::string_view text) -> absl::StatusOr<ClauseKind> {
    absl::StatusOr<ClauseKind> value = ReadName<ClauseKind>(text);
    if (value.ok() && *value != ClauseKind::kTrigger) return value;
    return Unreadable(text, "one of EXCLUSIVITY, FIRST_REFUSAL, WAIVER, COMMITMENT, TERM, NOTED");
  });
  if (!errors.ok()) return;
  map.ReadText("text", *out.mutable_text());
  if (kind != ClauseKind::kTerm && kind != ClauseKind::kNoted) ReadScope(map, out);
  switch (kind) {
    case ClauseKind::kExclusivity:
      ReadRight(map, *out.mutable_exclusivity());
      break;
    case ClauseKind::kFirstRefusal:
      ReadFirstRefusal(map, *out.mutable_first_refusal());
      break;
    case ClauseKind::kWaiver:
      ReadWaiver(map, *out.mutable_waiver());
      break;
    case ClauseKind::kCommitment: {
      Money amount;
      map.Require("amount", "an amount such as 250,000,000,000 USD");
      if (map.Read("amount", amount, ParseAmount)) ToWire(amount, out.mutable_commitment()->mutable_amount());
      break;
    }
    case ClauseKind::kTerm:
      map.Require("until", "the instant at which the agreement ends");
      ReadInstantField(map, "until", [&] { return out.mutable_term()->mutable_end_time(); });
      break;
    case ClauseKind::kTrigger:
    case ClauseKind::kNoted:
      out.mutable_noted();
      map.Require("text", "the words that are noted");
      break;
  }
  map.Done();
}

}  // namespace

absl::StatusOr<AgreementFile> ReadAgreement(std::string_view file, std::string_view text) {
  const absl::StatusOr<Yaml> root = ReadYaml(file, text);
  if (!root.ok()) return root.status();
  YamlErrors errors{std::string(file)};
  YamlMap map(*root, "", errors);
  AgreementFile out;
  map.Require("agreement", "the agreement's id, such as azure");
  map.Read("agreement", out.agreement, ReadId);
  map.Require("owner", "the owner's id, such as openai");
  map.Read("owner", out.owner, ReadId);
  map.Require("holder", "the provider's id, such as azure");
  map.Read("holder", out.holder, ReadId);
  map.Read("version", out.version, [](std::string_view text) -> absl::StatusOr<uint32_t> {
    const auto number = ParseNumber<uint32_t>(text);
    if (!number || *number == 0) return Unreadable(text, "a version's number, from 1");
    return *number;
  });
  ReadInstantField(map, "effective_from", [&] { return out.body.mutable_effective_from(); });
  map.ReadText("text", *out.body.mutable_text());
  map.Require("clauses", "a list of clauses");
  if (const Yaml* clauses = map.Find("clauses"); clauses != nullptr) {
    if (clauses->kind != Yaml::Kind::kList || clauses->items.empty()) {
      errors.Add(*clauses, "clauses", "want a list with at least one clause");
    }
    for (size_t i = 0; i < clauses->items.size() && errors.ok(); ++i) {
      ReadClause(clauses->items[i], Cat("clauses[", i, "]"), errors, *out.body.add_clauses());
    }
  }
  map.Done();
  if (!errors.ok()) return errors.status();
  return out;
}

absl::StatusOr<AgreementFile> LoadAgreement(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  return ReadAgreement(path, *text);
}

}  // namespace capbroker
