#include "services/cli/agreement_file.h"

#include <algorithm>
#include <utility>

#include "broker/agreements/agreement.h"
#include "broker/values/ids.h"
#include "broker/values/text.h"
#include "services/cli/yaml.h"
#include "services/client/proto_values.h"
#include "services/notation/parse.h"

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
  if (text.starts_with('+'))
    return Unreadable(text, "an instant; a file means the same on every day");
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
  if (map.Read(key, t, ReadInstant)) ToProto(t, mutable_out());
}
void ReadSpanField(YamlMap& map, std::string_view key, auto mutable_out) {
  Span d;
  if (map.Read(key, d, ParseDuration)) ToProto(d, mutable_out());
}

constexpr std::string_view kDays[] = {"MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"};

// From 1, Monday; 0 for a text that is none.
int DayOf(std::string_view text) {
  for (int i = 0; i < 7; ++i) {
    if (text == kDays[i]) return i + 1;
  }
  return 0;
}

// "09:30" in minutes after midnight; "24:00" is the day's end; -1 for a text that is none.
int MinuteOf(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return -1;
  const auto hour = ParseNumber<int>(text.substr(0, 2)), minute = ParseNumber<int>(text.substr(3));
  if (!hour || !minute || *minute > 59 || *hour * 60 + *minute > 24 * 60) return -1;
  return *hour * 60 + *minute;
}

// "MON-FRI 09:00-17:00", "SAT 10:00-12:00".
absl::StatusOr<std::vector<v1::WeeklyHours>> ReadHours(std::string_view text) {
  const absl::Status error = Unreadable(text, "DAY[-DAY] HH:MM-HH:MM, such as MON-FRI 09:00-17:00");
  const std::vector<std::string_view> parts = Split(text, ' ');
  if (parts.size() != 2) return error;
  const std::vector<std::string_view> days = Split(parts[0], '-'), hours = Split(parts[1], '-');
  if (days.size() > 2 || hours.size() != 2) return error;
  const int first = DayOf(days.front()), last = DayOf(days.back());
  const int from = MinuteOf(hours[0]), to = MinuteOf(hours[1]);
  if (first == 0 || last < first || from < 0 || to <= from) return error;
  std::vector<v1::WeeklyHours> out;
  for (int day = first; day <= last; ++day) {
    v1::WeeklyHours& added = out.emplace_back();
    added.set_weekday(day);
    added.set_start_minute(from);
    added.set_end_minute(to);
  }
  return out;
}

void ReadCalendar(const Yaml& node, const std::string& path, YamlErrors& errors,
                  v1::Calendar& out) {
  YamlMap map(node, path, errors);
  if (!errors.ok()) return;
  map.Require("id", "the calendar's name, such as office");
  map.ReadText("id", *out.mutable_id());
  map.Require("time_zone", "a time zone such as America/Los_Angeles");
  map.ReadText("time_zone", *out.mutable_time_zone());
  map.Require("hours", "the hours of a week, such as [MON-FRI 09:00-17:00]");
  std::vector<std::string> texts;
  map.ReadTexts("hours", texts);
  std::vector<v1::WeeklyHours> all;
  for (const std::string& text : texts) {
    const absl::StatusOr<std::vector<v1::WeeklyHours>> hours = ReadHours(text);
    if (!hours.ok()) {
      errors.Add(*map.Find("hours"), map.PathOf("hours"), View(hours.status().message()));
      return;
    }
    all.insert(all.end(), hours->begin(), hours->end());
  }
  std::stable_sort(all.begin(), all.end(), [](const v1::WeeklyHours& a, const v1::WeeklyHours& b) {
    return std::pair(a.weekday(), a.start_minute()) < std::pair(b.weekday(), b.start_minute());
  });
  out.mutable_hours()->Add(all.begin(), all.end());
  texts.clear();
  if (map.ReadTexts("holidays", texts)) out.mutable_holidays()->Add(texts.begin(), texts.end());
  map.Done();
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
  map.ReadText("calendar", *right.mutable_calendar());
  ReadSpanField(map, "min_remaining", [&] { return right.mutable_min_remaining(); });
  ReadSpanField(map, "counter_window", [&] { return right.mutable_counter_window(); });
  ReadSpanField(map, "confirm_within", [&] { return right.mutable_confirm_within(); });
  ReadSpanField(map, "withdraw_notice", [&] { return right.mutable_withdraw_notice(); });
  ReadSpanField(map, "aggregation_window", [&] { return right.mutable_aggregation_window(); });
}

void ReadFirstRefusal(YamlMap& map, v1::FirstRefusal& right) {
  Mode mode = Mode::kFirstOffer;
  map.Read("mode", mode, ReadName<Mode>);
  right.set_mode(
      static_cast<v1::FirstRefusal::Mode>(static_cast<int>(mode) + 1));  // Without UNSPECIFIED.
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
  ReadSpanField(map, "match_window", [&] { return right.mutable_match_window(); });
  ReadSpanField(map, "close_within", [&] { return right.mutable_close_within(); });
  bool is_so = false;
  if (map.ReadBool("match_always", is_so)) right.set_match_always(is_so);
  if (map.ReadBool("contingent_bids", is_so)) right.set_contingent_bids(is_so);
  if (map.ReadBool("reoffer", is_so)) right.set_reoffer(is_so);
}

void ReadWaiver(YamlMap& map, v1::Waiver& waiver) {
  std::vector<std::string> lifts;
  map.Require("lifts", "the ids of the clauses it lifts, such as [C2]");
  if (map.ReadTexts("lifts", lifts))
    waiver.mutable_lifted_clause_ids()->Add(lifts.begin(), lifts.end());
  int64_t number = 0;
  if (map.Read("min_share", number, [](std::string_view text) { return ParseShare(text); })) {
    waiver.set_min_share_ppm(static_cast<int32_t>(number));
  }
  if (map.Read("cap", number, ParseQuantity)) waiver.set_cap_quantity(number);
  ReadInstantField(map, "from", [&] { return waiver.mutable_start_time(); });
  ReadInstantField(map, "to", [&] { return waiver.mutable_end_time(); });
}

void ReadTrigger(YamlMap& map, v1::Trigger& trigger) {
  const auto list = [&](std::string_view key, auto* field) {
    std::vector<std::string> texts;
    if (map.ReadTexts(key, texts)) field->Add(texts.begin(), texts.end());
  };
  map.Require("ends", "the ids of the clauses it ends, such as [C1, C2]");
  list("ends", trigger.mutable_ended_clause_ids());
  map.Require("attesters", "who may attest it, such as [auditor/kpmg]");
  list("attesters", trigger.mutable_attesters());
  int64_t quorum = 0;
  if (map.Read("quorum", quorum, ParseQuantity)) {
    trigger.set_quorum(static_cast<int32_t>(std::min<int64_t>(quorum, INT32_MAX)));
  }
  Money threshold;
  if (map.Read("threshold", threshold, ParseAmount))
    ToProto(threshold, trigger.mutable_threshold());
  ReadSpanField(map, "dispute_window", [&] { return trigger.mutable_dispute_window(); });
}

void ReadClause(const Yaml& node, const std::string& path, YamlErrors& errors, v1::Clause& out) {
  YamlMap map(node, path, errors);
  if (!errors.ok()) return;
  map.Require("id", "the clause's name, such as C2");
  map.ReadText("id", *out.mutable_id());
  map.Require("kind", "EXCLUSIVITY, FIRST_REFUSAL, WAIVER, COMMITMENT, TERM, TRIGGER or NOTED");
  ClauseKind kind = ClauseKind::kNoted;
  map.Read("kind", kind, ReadName<ClauseKind>);
  if (!errors.ok()) return;
  map.ReadText("text", *out.mutable_text());
  if (kind != ClauseKind::kTerm && kind != ClauseKind::kTrigger && kind != ClauseKind::kNoted)
    ReadScope(map, out);
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
      if (map.Read("amount", amount, ParseAmount))
        ToProto(amount, out.mutable_commitment()->mutable_amount());
      break;
    }
    case ClauseKind::kTerm:
      map.Require("until", "the instant at which the agreement ends");
      ReadInstantField(map, "until", [&] { return out.mutable_term()->mutable_end_time(); });
      break;
    case ClauseKind::kTrigger:
      ReadTrigger(map, *out.mutable_trigger());
      map.Require("text", "what has to happen, in words");
      break;
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
  if (const Yaml* calendars = map.Find("calendars"); calendars != nullptr) {
    if (calendars->kind != Yaml::Kind::kList)
      errors.Add(*calendars, "calendars", "want a list of calendars");
    for (size_t i = 0; i < calendars->items.size() && errors.ok(); ++i) {
      ReadCalendar(calendars->items[i], Cat("calendars[", i, "]"), errors,
                   *out.body.add_calendars());
    }
  }
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
  const absl::StatusOr<std::string> text = ReadInput(path);
  if (!text.ok()) return text.status();
  return ReadAgreement(path, *text);
}

}  // namespace capbroker
