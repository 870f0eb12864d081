#include "services/simulation/clause_words.h"

#include <algorithm>
#include <type_traits>

#include "broker/values/text.h"
#include "services/notation/parse.h"

namespace capbroker {
namespace {

// Where agreement files have another name for a field than the record has.
constexpr std::pair<std::string_view, std::string_view> kAliases[] = {
    {"price_tolerance", "price_tolerance_ppm"},
    {"release_share", "release_share_ppm"},
    {"min_share", "min_share_ppm"},
    {"cap", "cap_quantity"},
    {"until", "end_time"},
    {"term_end", "end_time"},
    {"to", "end_time"},
    {"from", "start_time"},
    {"lifts", "lifted_clause_ids"},
    {"ends", "ended_clause_ids"},
    {"contingent", "contingent_bids"},
    {"partial", "parts.allowed"},
    {"min_quantity", "parts.min_quantity"},
    {"quantity_step", "parts.quantity_step"},
    {"partial.min", "parts.min_quantity"},
    {"partial.step", "parts.quantity_step"},
    {"scope.classes", "scope.workload_classes"},
    {"scope.delivery_from", "scope.delivery_start_time"},
    {"scope.delivery_to", "scope.delivery_end_time"}};

absl::StatusOr<bool> ReadYesNo(std::string_view text) {
  if (text == "yes" || text == "true") return true;
  if (text == "no" || text == "false") return false;
  return absl::InvalidArgumentError(Cat("got \"", text, "\", want yes or no"));
}

template <class E>
absl::StatusOr<E> ReadEnum(std::string_view text) {
  if (const std::optional<E> value = ValueOf<E>(text)) return *value;
  return NoSuchName(text, {Names<E>::values.begin(), Names<E>::values.end()});
}

// Reads a value of the field's own type; a `_ppm` is a share.
template <class T>
void ReadValue(WordReader& words, std::string_view name, T& out) {
  if constexpr (std::is_same_v<T, bool>) {
    out = words.Read(ReadYesNo, "yes or no");
  } else if constexpr (std::is_same_v<T, int64_t>) {
    const bool share = name.ends_with("_ppm");
    out = share ? words.Read([](std::string_view text) { return ParseShare(text); },
                             "a share such as 2%")
                : words.ReadQuantity();
  } else if constexpr (std::is_same_v<T, Share>) {
    out.ppm =
        words.Read([](std::string_view text) { return ParseShare(text); }, "a share such as 50%");
  } else if constexpr (std::is_same_v<T, Window>) {
    out = words.ReadWindow();
  } else if constexpr (std::is_same_v<T, Span>) {
    out = words.ReadSpan();
  } else if constexpr (std::is_same_v<T, Instant>) {
    out = words.ReadInstant();
  } else if constexpr (std::is_same_v<T, Money>) {
    out = words.ReadMoney();
  } else if constexpr (std::is_enum_v<T>) {
    out = words.Read(ReadEnum<T>, "one of its names");
  } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    out = words.Skip("any") ? T{} : words.ReadList("a list such as a, b, or any");
  } else if constexpr (std::is_same_v<T, std::vector<ClauseId>>) {
    out.clear();
    for (std::string& id : words.ReadList("clause ids such as C1, C2"))
      out.push_back({std::move(id)});
  } else if constexpr (std::is_same_v<T, ClauseId>) {
    out.value = words.Take("a clause's id");
  } else {
    out = words.Take("a text");
  }
}

// Reads the value of the field called `name` among those of `owner`; false if it has none. What a
// clause says, and how its holder is asked, stand beside its own fields.
template <class T>
bool ReadField(WordReader& words, std::string_view name, T& owner) {
  bool found = false;
  T::Fields(owner, [&]<class Value>(std::string_view field, Value& value) {
    if (found) return;
    if constexpr (std::is_same_v<Value, decltype(Clause::content)>) {
      found = std::visit([&](auto& content) { return ReadField(words, name, content); }, value);
    } else if constexpr (std::is_same_v<Value, Asking>) {
      found = ReadField(words, name, value);
    } else if constexpr (std::is_same_v<Value, Scope> || std::is_same_v<Value, PartialAcceptance>) {
      if (name.starts_with(Cat(field, ".")))
        found = ReadField(words, name.substr(field.size() + 1), value);
    } else if (field == name) {
      found = true;
      ReadValue(words, name, value);
    }
  });
  return found;
}

// A clause that says nothing yet.
Clause MakeClause(ClauseKind kind) {
  Clause clause;
  const auto try_one = [&]<class One>(One one) {
    clause.content = std::move(one);
    return KindOf(clause) == kind;
  };
  [&]<class... T>(const std::variant<T...>&) { (void)(try_one(T{}) || ...); }(clause.content);
  return clause;
}

constexpr std::string_view kDays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

std::optional<int64_t> DayOf(std::string_view text) {
  const auto at = std::find(std::begin(kDays), std::end(kDays), text);
  if (at == std::end(kDays)) return std::nullopt;
  return at - std::begin(kDays) + 1;
}

// "09:30" to minutes; "24:00" is 1440.
std::optional<int64_t> MinutesOf(std::string_view text) {
  const std::vector<std::string_view> parts = Split(text, ':');
  if (parts.size() != 2) return std::nullopt;
  const auto hour = ParseNumber<int64_t>(parts[0]), minute = ParseNumber<int64_t>(parts[1]);
  if (!hour || !minute || *minute > 59) return std::nullopt;
  return *hour * 60 + *minute;
}

// "mon-fri 09:00-17:00"; false if the next word is no day.
bool ReadHours(WordReader& words, std::vector<WeeklyHours>& out) {
  const std::vector<std::string_view> days = Split(words.Peek(), '-');
  const auto first = DayOf(days.front()), last = DayOf(days.back());
  if (!first || !last || days.size() > 2) return false;
  words.Take("");
  const std::string times = words.Take("hours such as 09:00-17:00");
  const std::vector<std::string_view> ends = Split(times, '-');
  const auto from = MinutesOf(ends.front()), to = MinutesOf(ends.back());
  if (!from || !to || ends.size() != 2) {
    words.FailAt(words.line(), absl::InvalidArgumentError(
                                   Cat("got \"", times, "\", want hours such as 09:00-17:00")));
    return true;
  }
  for (int64_t day = *first; day <= *last; ++day) out.push_back({day, *from, *to});
  return true;
}

void ReadCalendar(WordReader& words, AgreementVersion& version) {
  Calendar calendar;
  calendar.id = words.Take("the calendar's name");
  calendar.time_zone = words.Take("a time zone such as Europe/Berlin");
  while (ReadHours(words, calendar.hours)) {
  }
  if (words.Skip("holidays")) calendar.holidays = words.ReadList("days such as 2025-12-25");
  std::erase_if(version.calendars, [&](const Calendar& other) { return other.id == calendar.id; });
  version.calendars.push_back(std::move(calendar));
}

Clause* MutableClause(AgreementVersion& version, std::string_view id) {
  for (Clause& clause : version.clauses) {
    if (clause.id.value == id) return &clause;
  }
  return nullptr;
}

}  // namespace

bool ReadClauseWord(WordReader& words, const std::string& field, Clause& clause) {
  if (Asking* asking = AskingOf(clause); field == "open_offers_at_end" && asking != nullptr) {
    asking->void_on_end = words.Skip("VOID");
    if (!asking->void_on_end && !words.Skip("RUN_OFF")) words.Fail("RUN_OFF or VOID");
    return true;
  }
  for (const auto& [written, recorded] : kAliases) {
    if (field == written) return ReadField(words, recorded, clause);
  }
  return ReadField(words, field, clause);
}

void ReadAgreementWords(WordReader& words, AgreementVersion& version) {
  while (!words.done()) {
    const int line = words.line();
    const std::string word = words.Take("a change");
    if (word == "effective_from") {
      version.effective_from = words.ReadInstant();
    } else if (word == "version") {
      version.version = words.ReadNumber("a version's number");
    } else if (word == "calendar") {
      ReadCalendar(words, version);
    } else if (word == "no") {
      const std::string id = words.Take("a clause's id");
      if (std::erase_if(version.clauses,
                        [&](const Clause& clause) { return clause.id.value == id; }) == 0) {
        words.FailAt(line, absl::InvalidArgumentError(
                               Cat("got \"no ", id, "\", want a clause of the agreement")));
      }
    } else if (word == "clause") {
      const std::string id = words.Take("a clause's id");
      Clause clause =
          MakeClause(words.Read(ReadEnum<ClauseKind>, "a kind of clause such as WAIVER"));
      clause.id.value = id;
      if (MutableClause(version, clause.id.value) != nullptr) {
        words.FailAt(line, absl::InvalidArgumentError(
                               Cat("got a second clause ", clause.id.value, ", want one")));
      }
      version.clauses.push_back(std::move(clause));
    } else {
      const size_t dot = word.find('.');
      Clause* clause =
          dot == std::string::npos ? nullptr : MutableClause(version, word.substr(0, dot));
      if (clause == nullptr || !ReadClauseWord(words, word.substr(dot + 1), *clause)) {
        words.FailAt(line, absl::InvalidArgumentError(Cat(
                               "got \"", word,
                               "\", want CLAUSE.FIELD of the agreement, effective_from, version, "
                               "calendar, clause or no CLAUSE")));
      }
    }
  }
}

}  // namespace capbroker
