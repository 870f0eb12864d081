#include "services/simulation/clause_words.h"

#include <algorithm>

#include "broker/values/text.h"
#include "services/notation/fields.h"

namespace capbroker {
namespace {

// Takes the value of the field that `written` names; false, and nothing is taken, if there is none.
template <class R>
bool ReadFieldWords(WordReader& words, std::string_view written, R& record) {
  return FindField(record, written, [&]<class Value>(const WrittenName& as, Value& value) {
    const int line = words.line();
    const std::vector<std::string> texts = TakeTexts<Value>(words);
    if (words.ok()) words.FailAt(line, ReadTexts(as, texts, value));
  });
}

void ReadCalendar(WordReader& words, AgreementVersion& version) {
  Calendar calendar;
  calendar.id = words.Take("the calendar's name");
  calendar.time_zone = words.Take("a time zone such as Europe/Berlin");
  std::vector<std::string> hours;
  const int line = words.line();
  while (BeginsHours(words.Peek())) {
    const std::string days = words.Take("");
    hours.push_back(Cat(days, " ", words.Take("hours such as 09:00-17:00")));
  }
  if (words.ok()) words.FailAt(line, ReadTexts({}, hours, calendar.hours));
  if (words.Skip("holidays")) calendar.holidays = words.ReadList("days such as 2025-12-25");
  std::erase_if(version.calendars, [&](const Calendar& other) { return other.id == calendar.id; });
  version.calendars.push_back(std::move(calendar));
}

Clause* MutableClause(AgreementVersion& version, std::string_view id) {
  const auto found = std::find_if(version.clauses.begin(), version.clauses.end(),
                                  [&](const Clause& clause) { return clause.id.value == id; });
  return found == version.clauses.end() ? nullptr : &*found;
}

void AddClause(WordReader& words, AgreementVersion& version) {
  const int line = words.line();
  Clause clause;
  clause.id.value = words.Take("a clause's id");
  ReadClauseWord(words, std::string(kKindField), clause);
  if (MutableClause(version, clause.id.value) != nullptr)
    words.FailAt(line,
                 Unreadable(Cat("clause ", clause.id.value), "one that the agreement has not"));
  version.clauses.push_back(std::move(clause));
}

void RemoveClause(WordReader& words, AgreementVersion& version) {
  const int line = words.line();
  const std::string id = words.Take("a clause's id");
  const auto removed =
      std::erase_if(version.clauses, [&](const Clause& clause) { return clause.id.value == id; });
  if (removed == 0) words.FailAt(line, Unreadable(Cat("no ", id), "a clause of the agreement"));
}

// "C2.window 3d"; false if the word names no field of a clause that is there.
bool ReadChange(WordReader& words, const std::string& word, AgreementVersion& version) {
  const size_t dot = word.find('.');
  if (dot == std::string::npos) return false;
  Clause* clause = MutableClause(version, word.substr(0, dot));
  return clause != nullptr && ReadClauseWord(words, word.substr(dot + 1), *clause);
}

}  // namespace

bool ReadClauseWord(WordReader& words, const std::string& field, Clause& clause) {
  return ReadFieldWords(words, field, clause);
}

void ReadAgreementWords(WordReader& words, AgreementVersion& version) {
  while (!words.done()) {
    const int line = words.line();
    const std::string word = words.Take("a change");
    if (word == "calendar") {
      ReadCalendar(words, version);
    } else if (word == "clause") {
      AddClause(words, version);
    } else if (word == "no") {
      RemoveClause(words, version);
    } else if (!ReadChange(words, word, version) && !ReadFieldWords(words, word, version)) {
      words.FailAt(line, Unreadable(word,
                                    "CLAUSE.FIELD of the agreement, a field of the version "
                                    "such as effective_from, calendar, clause or no CLAUSE"));
    }
  }
}

}  // namespace capbroker
