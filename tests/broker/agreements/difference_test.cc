// Every field of an agreement version that changes is told.
#include "broker/agreements/difference.h"

#include <gmock/gmock.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "broker/values/text.h"

namespace capbroker {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

Instant At(std::string_view text) { return *ParseInstant(text); }

AgreementVersion SomeVersion() {
  AgreementVersion v;
  v.agreement = AgreementId{"azure"};
  v.version = 2;
  v.holder = ProviderId{"azure"};
  v.effective_from = At("2025-01-21T00:00:00Z");
  const Clause first{.id = ClauseId{"C2"},
                     .content = FirstRefusal{.asking = {.window = Hours(72)}}};
  const Clause waiver{.id = ClauseId{"C3"},
                      .scope = {.purposes = {"RESEARCH", "TRAINING"}},
                      .content = Waiver{.lifts = {first.id}, .min_share_ppm = 500'000}};
  const Clause commitment{.id = ClauseId{"C4"},
                          .content = CommitmentClause{*ParseMoney("10000000000 USD")}};
  v.clauses = {first, waiver, commitment};
  v.calendars = {{"desk", "America/Los_Angeles", {{1, 540, 1020}, {2, 540, 1020}}, {"2025-07-04"}}};
  return v;
}

// ---------------------------------------------------------------- every field

// Another value of the same type.
void Change(bool& v) { v = !v; }
void Change(int64_t& v) { v += 1; }
void Change(uint32_t& v) { v += 1; }
void Change(std::string& v) { v += "x"; }
void Change(Span& v) { v.micros += 1; }
void Change(Window& v) { v.span.micros += 1; }
void Change(Share& v) { v.ppm -= 1; }
void Change(Instant& v) { v.micros += 1; }
void Change(Money& v) { v = Money{v.micros + 1, *ParseCurrency("USD")}; }
template <class E>
requires std::is_enum_v<E>
void Change(E& v) { v = static_cast<E>((static_cast<size_t>(v) + 1) % Names<E>::values.size()); }
template <class Tag>
void Change(Id<Tag>& v) {
  v.value += "x";
}
template <class T>
void Change(std::vector<T>& v) {
  v.emplace_back();
  if constexpr (requires(T t) { t.id; }) Change(v.back().id);
}

// Calls `each` with the name of every field that is changed by itself, and the field: those of
// records within too, but not those of lists.
template <class T>
void EachOf(T& record, const std::string& prefix, auto&& each) {
  T::Fields(record, [&]<class Field>(std::string_view name, Field& value) {
    if constexpr (std::same_as<Field, decltype(Clause::content)>) {
      std::visit([&](auto& content) { EachOf(content, Cat(prefix, content.kName, "."), each); },
                 value);
    } else if constexpr (requires { Field::Fields(value, [](std::string_view, auto&) {}); }) {
      EachOf(value, Cat(prefix, name, "."), each);
    } else {
      each(Cat(prefix, name), value);
    }
  });
}

// One copy of the version for each field of the record that `in` finds in it, with that field
// changed.
struct Changed {
  std::string field;
  AgreementVersion version;
};
template <class T>
std::vector<Changed> EachField(const AgreementVersion& version, T& (*in)(AgreementVersion&)) {
  std::vector<Changed> out;
  size_t count = 1;
  for (size_t i = 0; i < count; ++i) {
    AgreementVersion copy = version;
    size_t at = 0;
    std::string field;
    EachOf(in(copy), "", [&](const std::string& name, auto& value) {
      if (at++ != i) return;
      field = name;
      Change(value);
    });
    count = at;
    if (count > 0) out.push_back({field, copy});
  }
  return out;
}

// A clause of each kind.
std::vector<Clause> EveryKind() {
  std::vector<Clause> out;
  [&]<class... T>(const std::variant<T...>&) {
    (out.push_back({.id = ClauseId{Cat("K", out.size())}, .content = T{}}), ...);
  }(Clause{}.content);
  return out;
}

// Where every field has a value of its own.
AgreementVersion FullVersion() {
  AgreementVersion v = SomeVersion();
  for (Clause& clause : EveryKind()) {
    EachOf(clause, "", [](const std::string& name, auto& value) {
      if (name != "id") Change(value);
    });
    v.clauses.push_back(clause);
  }
  v.effective_to = At("2031-01-01T00:00:00Z");
  v.text = "note";
  return v;
}

// Each change is told, both ways, in words that no other change of the same record has.
void ExpectAllAreTold(const AgreementVersion& version, const std::vector<Changed>& changes) {
  std::set<std::vector<std::string>> told;
  for (const Changed& change : changes) {
    const auto there = DifferenceInWords(version, change.version),
               back = DifferenceInWords(change.version, version);
    EXPECT_THAT(there, Not(IsEmpty())) << change.field;
    EXPECT_THAT(back, Not(IsEmpty())) << change.field;
    EXPECT_NE(there, back) << change.field;
    EXPECT_TRUE(told.insert(there).second) << change.field << " is told like another: " << there[0];
  }
}

TEST(Difference, TellsEveryField) {
  AgreementVersion empty = SomeVersion();
  for (const Clause& clause : EveryKind()) empty.clauses.push_back(clause);
  for (const AgreementVersion& v : {empty, FullVersion()}) {
    ExpectAllAreTold(v, EachField<AgreementVersion>(
                            v, [](AgreementVersion & w) -> auto& { return w; }));
    static size_t which = 0;
    for (which = 3; which < v.clauses.size(); ++which) {
      const std::vector<Changed> changes = EachField<Clause>(
          v, [](AgreementVersion & w) -> auto& { return w.clauses[which]; });
      EXPECT_GE(changes.size(), 10u);
      ExpectAllAreTold(v, changes);
    }
    ExpectAllAreTold(v, EachField<Calendar>(
                            v, [](AgreementVersion & w) -> auto& { return w.calendars[0]; }));
    ExpectAllAreTold(v,
                     EachField<WeeklyHours>(
                         v, [](AgreementVersion & w) -> auto& { return w.calendars[0].hours[0]; }));
  }
}

TEST(Difference, IsEmptyBetweenEqualVersions) {
  EXPECT_THAT(DifferenceInWords(SomeVersion(), SomeVersion()), IsEmpty());
  EXPECT_THAT(DifferenceInWords(FullVersion(), FullVersion()), IsEmpty());
}

// ---------------------------------------------------------------- in these words

struct Row {
  std::string name;
  std::function<void(AgreementVersion&)> change;
  std::vector<std::string> want;
};
class Sentences : public testing::TestWithParam<Row> {};

TEST_P(Sentences, AreThese) {
  const AgreementVersion before = SomeVersion();
  AgreementVersion after = before;
  GetParam().change(after);
  EXPECT_EQ(DifferenceInWords(before, after), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Difference, Sentences,
    testing::Values(
        Row{"NextVersion",
            [](AgreementVersion& v) {
              v.version = 3;
              v.effective_from = At("2025-10-28T00:00:00Z");
            },
            {"in force from 2025-10-28T00:00:00Z instead of 2025-01-21T00:00:00Z",
             "version 3 instead of 2"}},
        Row{"EndSet",
            [](AgreementVersion& v) { v.effective_to = At("2031-01-01T00:00:00Z"); },
            {"in force until 2031-01-01T00:00:00Z instead of without an end"}},
        Row{"Removed",
            [](AgreementVersion& v) { v.clauses.erase(v.clauses.begin()); },
            {"C2 FIRST_REFUSAL is removed"}},
        Row{"Added",
            [](AgreementVersion& v) {
              v.clauses.push_back({.id = ClauseId{"C7"},
                                   .scope = {.workload_classes = {"API", "WEB"}},
                                   .content = FirstRefusal{
                                       .asking = {.window = Hours(36), .parts = {true, 1000}}}});
            },
            {"C7 FIRST_REFUSAL is added: takes acceptances in part; the smallest part 1,000; the "
             "window 1d12h; covers only workload class API and WEB"}},
        Row{"Raised",
            [](AgreementVersion& v) {
              v.clauses[2].content = CommitmentClause{*ParseMoney("260000000000 USD")};
            },
            {"C4 COMMITMENT is raised by 250,000,000,000 USD to 260,000,000,000 USD"}},
        Row{"Lowered",
            [](AgreementVersion& v) {
              v.clauses[2].content = CommitmentClause{*ParseMoney("9999999999.5 USD")};
            },
            {"C4 COMMITMENT is lowered by 0.5 USD to 9,999,999,999.5 USD"}},
        Row{"AnotherCurrency",
            [](AgreementVersion& v) {
              v.clauses[2].content = CommitmentClause{*ParseMoney("10000000000 EUR")};
            },
            {"C4: the amount goes from 10,000,000,000 USD to 10,000,000,000 EUR"}},
        Row{"Window",
            [](AgreementVersion& v) { AskingOf(v.clauses[0])->window = Hours(48); },
            {"C2: the window goes from 3d to 2d"}},
        Row{"CalendarNamed",
            [](AgreementVersion& v) { AskingOf(v.clauses[0])->calendar = "desk"; },
            {"C2: the calendar goes from none to \"desk\""}},
        Row{"PurposeAdded",
            [](AgreementVersion& v) { v.clauses[1].scope.purposes.push_back("EVALUATION"); },
            {"C3 now also covers purpose EVALUATION"}},
        Row{"PurposeExchanged",
            [](AgreementVersion& v) {
              v.clauses[1].scope.purposes = {"EVALUATION", "TRAINING"};
            },
            {"C3 now also covers purpose EVALUATION", "C3 no longer covers purpose RESEARCH"}},
        Row{"AnyPurpose",
            [](AgreementVersion& v) { v.clauses[1].scope.purposes.clear(); },
            {"C3 now covers any purpose"}},
        Row{"OnlyARegion",
            [](AgreementVersion& v) {
              v.clauses[0].scope.regions = {"eu", "uk", "us"};
            },
            {"C2 now covers only region eu, uk and us"}},
        Row{"PurposesInAnotherOrder",
            [](AgreementVersion& v) {
              v.clauses[1].scope.purposes = {"TRAINING", "RESEARCH"};
            },
            {"C3 covers purpose TRAINING and RESEARCH, in another order"}},
        Row{"Flag",
            [](AgreementVersion& v) { v.clauses[0].scope.new_capacity_only = true; },
            {"C2 now covers new capacity only"}},
        Row{"Share",
            [](AgreementVersion& v) { As<Waiver>(v.clauses[1])->min_share_ppm = 512'500; },
            {"C3: the share that must have a waived purpose goes from 50% to 51.25%"}},
        Row{"Cap",
            [](AgreementVersion& v) { As<Waiver>(v.clauses[1])->cap_quantity = 20'000; },
            {"C3: the cap on all uses goes from none to 20,000"}},
        Row{"Lifts",
            [](AgreementVersion& v) { As<Waiver>(v.clauses[1])->lifts = {ClauseId{"C1"}}; },
            {"C3 now also lifts C1", "C3 no longer lifts C2"}},
        Row{"Kind",
            [](AgreementVersion& v) {
              v.clauses[0].content = Exclusivity{*AskingOf(v.clauses[0])};
            },
            {"C2: the kind goes from FIRST_REFUSAL to EXCLUSIVITY"}},
        Row{"KindAndMore",
            [](AgreementVersion& v) {
              v.clauses[2].content = FirstRefusal{.asking = {.window = Window::BusinessDays(10)}};
            },
            {"C4: the kind goes from COMMITMENT to FIRST_REFUSAL",
             "C4 now says: the window 10 business days"}},
        Row{"BusinessDays",
            [](AgreementVersion& v) {
              AskingOf(v.clauses[0])->window = Window::BusinessDays(10, 960);
            },
            {"C2: the window goes from 3d to 10 business days, until 16:00"}},
        Row{"Release",
            [](AgreementVersion& v) {
              AskingOf(v.clauses[0])->release_notice = Hours(720);
              AskingOf(v.clauses[0])->release_share = {250'000};
            },
            {"C2: the notice of a release goes from none to 30d",
             "C2: the share of the commitment that a release restores goes from 100% to 25%"}},
        Row{"AWordThatItsNameSays",
            [](AgreementVersion& v) { As<FirstRefusal>(v.clauses[0])->priority = 2; },
            {"C2: the priority goes from 0 to 2"}},
        Row{"ClausesInAnotherOrder",
            [](AgreementVersion& v) { std::swap(v.clauses[0], v.clauses[2]); },
            {"the clauses stand in another order"}},
        Row{"Renamed",
            [](AgreementVersion& v) { v.clauses[2].id = ClauseId{"C9"}; },
            {"C4 COMMITMENT is removed", "C9 COMMITMENT is added: the amount 10,000,000,000 USD"}},
        Row{"LessThanAMillisecond",
            [](AgreementVersion& v) { v.effective_from = v.effective_from + Span{1}; },
            {"in force from 2025-01-21T00:00:00.000001Z instead of 2025-01-21T00:00:00.000000Z"}},
        Row{"Hours",
            [](AgreementVersion& v) { v.calendars[0].hours[1].end_minute = 900; },
            {"calendar desk now also is open Tuesday 09:00-15:00",
             "calendar desk no longer is open Tuesday 09:00-17:00"}},
        Row{"Holiday",
            [](AgreementVersion& v) { v.calendars[0].holidays.push_back("2025-12-25"); },
            {"calendar desk now also keeps the holiday 2025-12-25"}},
        Row{"CalendarRemoved",
            [](AgreementVersion& v) { v.calendars.clear(); },
            {"calendar desk is removed"}},
        Row{"CalendarAdded",
            [](AgreementVersion& v) {
              v.calendars.push_back({"shop", "UTC", {{7, 0, 1440}}, {}});
            },
            {"calendar shop is added: is open Sunday 00:00-24:00; the time zone \"UTC\""}},
        Row{"Text",
            [](AgreementVersion& v) { v.clauses[0].text = "line\n\x1b[31mred"; },
            {"C2: the text goes from none to \"line  [31mred\""}}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace capbroker
