#include "broker/agreements/difference.h"

#include <algorithm>
#include <concepts>
#include <iterator>
#include <string_view>
#include <utility>

#include "broker/values/show.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

// ---------------------------------------------------------------- how each field is spoken of

enum class Form {
  kGoes,     // words "the window": "C2: the window goes from 3d to 2d".
  kInstead,  // words "version": "version 3 instead of 2".
  kFlag,     // words, otherwise: "C2 now lifts ..." by its value.
  kList,     // words "lifts": "C3 now also lifts C4", "C3 no longer lifts C2".
  kAnyList,  // words "purpose": the same with "covers purpose"; empty is "any purpose".
};

struct Phrase {
  std::string_view field;
  Form form;
  std::string_view words;
  std::string_view otherwise{};
};

// Those that their names do not say: without a row, "release_notice" is "the release notice".
constexpr Phrase kPhrases[] = {
    // AgreementVersion
    {"version.agreement", Form::kInstead, "agreement"},
    {"version.closed_lists", Form::kFlag, "takes names that are known only", "takes any name"},
    {"version.effective_from", Form::kInstead, "in force from"},
    {"version.effective_to", Form::kInstead, "in force"},
    {"version.holder", Form::kInstead, "holder"},
    {"version.text", Form::kGoes, "the note"},
    {"version.version", Form::kInstead, "version"},
    // Exclusivity and FirstRefusal
    {"asking.aggregation_window", Form::kGoes, "the time in which requests alike count as one"},
    {"asking.confirm_within", Form::kGoes, "the time for the holder to confirm"},
    {"asking.counter_window", Form::kGoes, "the time to take a counter"},
    {"asking.min_remaining", Form::kGoes, "the least time left after an immaterial amendment"},
    {"asking.parts.allowed", Form::kFlag, "takes acceptances in part",
     "takes acceptances of the whole only"},
    {"asking.parts.min_quantity", Form::kGoes, "the smallest part"},
    {"asking.parts.quantity_step", Form::kGoes, "the step of parts"},
    {"asking.release_notice", Form::kGoes, "the notice of a release"},
    {"asking.release_share_ppm", Form::kGoes,
     "the share of the commitment that a release restores"},
    {"asking.toll_over", Form::kGoes, "the outage from which time is added back"},
    {"asking.void_on_end", Form::kFlag, "voids open offers when it ends",
     "lets open offers run off when it ends"},
    {"asking.withdraw_notice", Form::kGoes, "the notice of a withdrawal"},
    // FirstRefusal
    {"first_refusal.close_within", Form::kGoes, "the time to confirm an alternative"},
    {"first_refusal.contingent_bids", Form::kFlag, "counts contingent bids",
     "ignores contingent bids"},
    {"first_refusal.match_always", Form::kFlag, "opens a match round on any other terms",
     "opens a match round only on terms worse for the owner"},
    {"first_refusal.price_tolerance_ppm", Form::kGoes, "the price tolerance"},
    {"first_refusal.reoffer", Form::kFlag,
     "has the holder asked once more before a request is unfilled",
     "has the holder asked once only"},
    {"first_refusal.reoffer_window", Form::kGoes, "the window when asked once more"},
    // Waiver
    {"waiver.cap_quantity", Form::kGoes, "the cap on all uses"},
    {"waiver.covers", Form::kGoes, "what it covers"},
    {"waiver.end_time", Form::kGoes, "the end"},
    {"waiver.lifted_clause_ids", Form::kList, "lifts"},
    {"waiver.min_share_ppm", Form::kGoes, "the share that must have a waived purpose"},
    {"waiver.start_time", Form::kGoes, "the beginning"},
    // Term
    {"term.end_time", Form::kGoes, "the end of the term"},
    // TriggerClause
    {"trigger.attest_within", Form::kGoes, "the time to attest"},
    {"trigger.attesters", Form::kList, "takes the signature of"},
    {"trigger.dispute_window", Form::kGoes, "the time to dispute"},
    {"trigger.ended_clause_ids", Form::kList, "ends"},
    {"trigger.resolvers", Form::kList, "has its disputes settled by"},
    // Scope
    {"scope.delivery_end_time", Form::kGoes, "the end of delivery"},
    {"scope.delivery_start_time", Form::kGoes, "the first delivery"},
    {"scope.min_quantity", Form::kGoes, "the smallest request covered"},
    {"scope.new_capacity_only", Form::kFlag, "covers new capacity only", "covers renewals too"},
    {"scope.purposes", Form::kAnyList, "purpose"},
    {"scope.regions", Form::kAnyList, "region"},
    {"scope.resource_types", Form::kAnyList, "resource type"},
    {"scope.workload_classes", Form::kAnyList, "workload class"},
    // Calendar
    {"calendar.holidays", Form::kList, "keeps the holiday"},
    {"calendar.hours", Form::kList, "is open"},
};

// "the release notice" of "asking.release_notice".
std::string WordsOf(std::string_view field) {
  std::string words(field.substr(field.rfind('.') + 1));
  std::ranges::replace(words, '_', ' ');
  return Cat("the ", words);
}

struct Words {
  Form form;
  std::string words, otherwise;
};
Words PhraseOf(std::string_view field) {
  const auto found = std::ranges::find(kPhrases, field, &Phrase::field);
  if (found == std::end(kPhrases)) return {Form::kGoes, WordsOf(field), ""};
  return {found->form, std::string(found->words), std::string(found->otherwise)};
}

// ---------------------------------------------------------------- values in words

using Items = std::vector<std::string>;

// A field's value. What is equal in `exact` and `items` is equal.
struct Value {
  std::string field{};
  std::string exact{};
  std::string words{};
  Items items{};  // Of a list.
  bool is_default = false;
};

std::string Quoted(const std::string& text) {
  return text.empty() ? "none" : Cat("\"", text, "\"");
}

std::string Joined(const Items& items) {
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    out += Cat(i == 0 ? "" : i + 1 == items.size() ? " and " : ", ", items[i]);
  }
  return out;
}

std::string ShowHours(const WeeklyHours& hours) {
  static constexpr std::string_view kDays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                               "Friday", "Saturday", "Sunday"};
  const bool is_day = hours.weekday >= 1 && hours.weekday <= 7;
  return Cat(is_day ? std::string(kDays[hours.weekday - 1]) : Cat("weekday ", hours.weekday), " ",
             FormatMinute(hours.start_minute), "-", FormatMinute(hours.end_minute));
}

void Tell(Value& value, bool v) { value.exact = value.words = v ? "yes" : "no"; }
void Tell(Value& value, const std::string& v) {
  value.exact = v;
  value.words = Quoted(v);
}
template <std::integral T>
requires(!std::same_as<T, bool>) void Tell(Value& value, T v) {
  value.exact = Cat(v);
  if (value.field.ends_with("_ppm")) {
    value.words = ShowShare(v);
  } else if (v == 0 && value.field == "waiver.cap_quantity") {
    value.words = "none";
  } else if (v == 0 && value.field == "trigger.quorum") {
    value.words = "all";
  } else {
    value.words = ShowQuantity(v);
  }
}
template <class Tag>
void Tell(Value& value, const Id<Tag>& v) {
  value.exact = value.words = v.value;
}
template <class E>
requires std::is_enum_v<E>
void Tell(Value& value, E v) { value.exact = value.words = std::string(NameOf(v)); }
void Tell(Value& value, Span v) {
  value.exact = Format(v);
  value.words = v != Span{}                              ? ShowSpan(v)
                : value.field == "trigger.attest_within" ? ShowSpan(TriggerClause{}.AttestWithin())
                                                         : "none";
}
void Tell(Value& value, const Window& v) {
  value.exact = Format(v);
  value.words = v.IsSet() ? ShowWindow(v) : "none";
}
void Tell(Value& value, Share v) {
  value.exact = Cat(v.ppm);
  value.words = ShowShare(v.ppm);
}
void Tell(Value& value, Instant v) {
  value.exact = Format(v);
  if (value.field == "version.effective_to") {
    value.words = v.IsSet() ? Cat("until ", ShowTime(v)) : "without an end";
  } else {
    value.words = v.IsSet() ? ShowTime(v) : "none";
  }
}
void Tell(Value& value, const Money& v) {
  value.exact = Format(v);
  value.words = v.IsSet() ? ShowMoney(v) : "none";
}
void TellItem(Items& items, const std::string& v) { items.push_back(v); }
void TellItem(Items& items, const ClauseId& v) { items.push_back(v.value); }
void TellItem(Items& items, const WeeklyHours& v) { items.push_back(ShowHours(v)); }
template <class T>
void Tell(Value& value, const std::vector<T>& v) {
  for (const T& item : v) TellItem(value.items, item);
  value.words = Joined(value.items);
}

// Every field but the lists of records, which are compared by id; those of a record within among
// its own: "scope.regions", "asking.parts.allowed", "waiver.covers".
template <class T>
void AddValues(std::vector<Value>& out, const T& record, const std::string& prefix) {
  T::Fields(record, [&]<class Field>(std::string_view name, const Field& field) {
    if constexpr (std::same_as<Field, Asking>) {
      AddValues(out, field, "asking.");
    } else if constexpr (std::same_as<Field, Scope> || std::same_as<Field, PartialAcceptance>) {
      AddValues(out, field, Cat(prefix, name, "."));
    } else if constexpr (std::same_as<Field, decltype(Clause::content)>) {
      std::visit([&](const auto& content) { AddValues(out, content, Cat(content.kName, ".")); },
                 field);
    } else if constexpr (!std::same_as<Field, std::vector<Clause>> &&
                         !std::same_as<Field, std::vector<Calendar>>) {
      Value value{.field = Cat(prefix, name), .is_default = field == Field{}};
      Tell(value, field);
      out.push_back(std::move(value));
    }
  });
}
template <class T>
std::vector<Value> ValuesOf(const T& record, const std::string& prefix) {
  std::vector<Value> out;
  AddValues(out, record, prefix);
  return out;
}

// ---------------------------------------------------------------- sentences

// What is in `a` more often than in `b`.
Items More(Items a, Items b) {
  std::ranges::sort(a);
  std::ranges::sort(b);
  Items out;
  std::ranges::set_difference(a, b, std::back_inserter(out));
  return out;
}

class Differences {
 public:
  std::vector<std::string> Take() { return std::move(sentences_); }

  template <class... Words>
  void Say(const Words&... words) {
    std::string sentence = Cat(words...);
    for (char& c : sentence) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    }
    sentences_.push_back(std::move(sentence));
  }

  // Field by field, as far as both have them.
  void Compare(const std::string& subject, const std::vector<Value>& before,
               const std::vector<Value>& after) {
    for (const Value& was : before) {
      const auto is = std::ranges::find(after, was.field, &Value::field);
      if (is != after.end() && (was.exact != is->exact || was.items != is->items))
        Compare(subject, was, *is);
    }
  }

 private:
  void Compare(const std::string& subject, const Value& before, const Value& after) {
    const Words phrase = PhraseOf(before.field);
    // Where words round, the exact text tells.
    const bool is_rounded =
        before.words == after.words && phrase.form != Form::kList && phrase.form != Form::kAnyList;
    const std::string& was = is_rounded ? before.exact : before.words;
    const std::string& is = is_rounded ? after.exact : after.words;
    switch (phrase.form) {
      case Form::kGoes:
        Say(subject, subject.empty() ? "" : ": ", phrase.words, " goes from ", was, " to ", is);
        break;
      case Form::kInstead:
        Say(phrase.words, " ", is, " instead of ", was);
        break;
      case Form::kFlag:
        Say(subject, " now ", is == "yes" ? phrase.words : phrase.otherwise);
        break;
      case Form::kList:
        CompareLists(subject, phrase.words, before.items, after.items);
        break;
      case Form::kAnyList:
        if (after.items.empty()) {
          Say(subject, " now covers any ", phrase.words);
        } else if (before.items.empty()) {
          Say(subject, " now covers only ", phrase.words, " ", Joined(after.items));
        } else {
          CompareLists(subject, Cat("covers ", phrase.words), before.items, after.items);
        }
        break;
    }
  }

  void CompareLists(const std::string& subject, const std::string& verb, const Items& before,
                    const Items& after) {
    const Items gained = More(after, before), lost = More(before, after);
    if (!gained.empty()) Say(subject, " now also ", verb, " ", Joined(gained));
    if (!lost.empty()) Say(subject, " no longer ", verb, " ", Joined(lost));
    if (gained.empty() && lost.empty())
      Say(subject, " ", verb, " ", Joined(after), ", in another order");
  }

  std::vector<std::string> sentences_;
};

// What a clause or calendar says, field by field: "the window 3d; lifts C2; covers only purpose
// TRAINING".
std::string Content(const std::vector<Value>& values) {
  std::string out;
  for (const Value& value : values) {
    const Words phrase = PhraseOf(value.field);
    if (value.is_default || value.field == "id" || value.field == "calendar.id") continue;
    out += out.empty() ? ": " : "; ";
    if (phrase.form == Form::kFlag) {
      out += phrase.words;
    } else {
      out +=
          Cat(phrase.form == Form::kAnyList ? "covers only " : "", phrase.words, " ", value.words);
    }
  }
  return out;
}

std::string NameOf(const Clause& clause) {
  return Cat(clause.id.value, " ", NameOf(KindOf(clause)));
}
std::string NameOf(const Calendar& calendar) { return Cat("calendar ", calendar.id); }
std::vector<Value> ValuesOf(const Clause& clause) { return ValuesOf(clause, ""); }
std::vector<Value> ValuesOf(const Calendar& calendar) { return ValuesOf(calendar, "calendar."); }

// Says by how much the amount moves, where that is plain; then it is told.
bool CompareAmounts(Differences& out, const Clause& before, const Clause& after) {
  const auto *was = As<CommitmentClause>(before), *is = As<CommitmentClause>(after);
  if (was == nullptr || is == nullptr || was->amount == is->amount || !was->amount.IsSet() ||
      was->amount.currency != is->amount.currency || was->amount.micros < 0 ||
      is->amount.micros < 0) {
    return false;
  }
  const int64_t more = is->amount.micros - was->amount.micros;
  const Money by{more > 0 ? more : -more, is->amount.currency};
  out.Say(NameOf(before), more > 0 ? " is raised by " : " is lowered by ", ShowMoney(by), " to ",
          ShowMoney(is->amount));
  return true;
}

void Compare(Differences& out, const Clause& before, Clause after) {
  const std::string& id = before.id.value;
  if (CompareAmounts(out, before, after)) after.content = before.content;
  const std::vector<Value> was = ValuesOf(before);
  std::vector<Value> is = ValuesOf(after);
  if (KindOf(before) != KindOf(after)) {
    out.Say(id, ": the kind goes from ", NameOf(KindOf(before)), " to ", NameOf(KindOf(after)));
  }
  out.Compare(id, was, is);
  std::erase_if(is, [&](const Value& value) {
    return std::ranges::find(was, value.field, &Value::field) != was.end();
  });
  if (const std::string added = Content(is); !added.empty()) out.Say(id, " now says", added);
}

void Compare(Differences& out, const Calendar& before, const Calendar& after) {
  out.Compare(NameOf(before), ValuesOf(before), ValuesOf(after));
}

template <class T>
const T* Find(const std::vector<T>& records, const T& alike) {
  const auto found = std::ranges::find(records, alike.id, &T::id);
  return found == records.end() ? nullptr : &*found;
}

// The ids of those that `others` has too.
template <class T>
auto CommonIds(const std::vector<T>& records, const std::vector<T>& others) {
  std::vector<decltype(T::id)> out;
  for (const T& record : records) {
    if (Find(others, record) != nullptr) out.push_back(record.id);
  }
  return out;
}

template <class T>
void CompareById(Differences& out, std::string_view what, const std::vector<T>& before,
                 const std::vector<T>& after) {
  for (const T& record : before) {
    if (const T* next = Find(after, record); next != nullptr) {
      Compare(out, record, *next);
    } else {
      out.Say(NameOf(record), " is removed");
    }
  }
  for (const T& record : after) {
    if (Find(before, record) == nullptr)
      out.Say(NameOf(record), " is added", Content(ValuesOf(record)));
  }
  if (CommonIds(before, after) != CommonIds(after, before))
    out.Say("the ", what, " stand in another order");
}

}  // namespace

std::vector<std::string> DifferenceInWords(const AgreementVersion& before,
                                           const AgreementVersion& after) {
  Differences out;
  out.Compare("", ValuesOf(before, "version."), ValuesOf(after, "version."));
  CompareById(out, "clauses", before.clauses, after.clauses);
  CompareById(out, "calendars", before.calendars, after.calendars);
  return out.Take();
}

}  // namespace capbroker
