#include "broker/agreements/agreement.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "broker/values/check.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

bool Admits(const std::vector<std::string>& list, const std::string& word) {
  return list.empty() || std::find(list.begin(), list.end(), word) != list.end();
}

bool Meet(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return a.empty() ||
         std::any_of(a.begin(), a.end(), [&](const std::string& word) { return Admits(b, word); });
}

Instant OrLast(Instant t) { return t.IsSet() ? t : kLastInstant; }

// From before to, where both are set.
absl::Status CheckOrder(std::string_view field, Instant from, Instant to) {
  if (!from.IsSet() || !to.IsSet() || from < to) return absl::OkStatus();
  return Invalid(field, Format(to), Cat("a time after ", Format(from)));
}

// ---------------------------------------------------------------- what each kind demands besides

absl::Status CheckAsking(const std::string& at, const AgreementVersion& version,
                         const Clause& clause) {
  const Asking& asking = *AskingOf(clause);
  if (!asking.window.IsSet())
    return Invalid(at + ".window", "none", "how long the holder has to answer");
  if (!asking.parts.allowed && asking.parts != PartialAcceptance{}) {
    return Invalid(at + ".parts.allowed", "false", "true where a minimum or a step is given");
  }
  if (!asking.calendar.empty() && CalendarOf(version, clause) == nullptr) {
    return Invalid(at + ".calendar", Cat("\"", asking.calendar, "\""),
                   "the id of one of this version's calendars");
  }
  return absl::OkStatus();
}

// R3. Business days are those of a calendar.
template <class T>
absl::Status CheckBusinessDays(const std::string& at, const T& record, const Asking& asking) {
  absl::Status status;
  T::Fields(record, [&]<class Value>(std::string_view name, const Value& value) {
    if constexpr (std::is_same_v<Value, Window>) {
      if (status.ok() && value.days > 0 && asking.calendar.empty()) {
        status = Invalid(Cat(at, ".", name), Format(value), "a calendar beside business days");
      }
    } else if constexpr (std::is_same_v<Value, Asking>) {
      if (status.ok()) status = CheckBusinessDays(Cat(at, ".", name), value, asking);
    }
  });
  return status;
}

template <class Right>
absl::Status Check(const std::string& at, const AgreementVersion& version, const Clause& clause,
                   const Right& right) {
  if (absl::Status status = CheckAsking(at + ".asking", version, clause); !status.ok())
    return status;
  if (absl::Status status = CheckBusinessDays(at, right, right.asking); !status.ok()) return status;
  return CheckRange(at + ".priority", MatchingOf(clause).priority, 0, 1'000'000);
}

absl::Status CheckParties(const std::string& at, const std::vector<std::string>& parties) {
  for (size_t i = 0; i < parties.size(); ++i) {
    const auto here = parties.begin() + static_cast<ptrdiff_t>(i);
    if (ParseActor(parties[i]).ok() && std::find(parties.begin(), here, parties[i]) == here)
      continue;
    return Invalid(Cat(at, "[", i, "]"), Cat("\"", parties[i], "\""),
                   "a party as \"auditor/NAME\", \"owner/NAME\" or \"provider/NAME\", each once");
  }
  return absl::OkStatus();
}

// R18.
absl::Status Check(const std::string& at, const AgreementVersion& version, const Clause& clause,
                   const TriggerClause& trigger) {
  if (trigger.ends.empty())
    return Invalid(at + ".ended_clause_ids", "none", "at least one clause of this version");
  for (size_t i = 0; i < trigger.ends.size(); ++i) {
    if (FindClause(version, trigger.ends[i]) != nullptr && trigger.ends[i] != clause.id) continue;
    return Invalid(Cat(at, ".ended_clause_ids[", i, "]"), Cat("\"", trigger.ends[i].value, "\""),
                   "another clause of this version");
  }
  if (trigger.attesters.empty()) return Invalid(at + ".attesters", "none", "at least one party");
  if (trigger.threshold.IsSet() && trigger.threshold.micros <= 0) {
    return Invalid(at + ".threshold", Format(trigger.threshold), "an amount over zero");
  }
  for (absl::Status status : {CheckParties(at + ".attesters", trigger.attesters),
                              CheckParties(at + ".resolvers", trigger.resolvers),
                              CheckRange(at + ".quorum", trigger.quorum, 0,
                                         static_cast<int64_t>(trigger.attesters.size()))}) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Check(const std::string& at, const AgreementVersion& version, const Clause&,
                   const Waiver& waiver) {
  if (waiver.lifts.empty())
    return Invalid(at + ".lifted_clause_ids", "none", "at least one clause of this version");
  for (size_t i = 0; i < waiver.lifts.size(); ++i) {
    const Clause* lifted = FindClause(version, waiver.lifts[i]);
    if (lifted != nullptr && IsRight(*lifted)) continue;
    return Invalid(Cat(at, ".lifted_clause_ids[", i, "]"), Cat("\"", waiver.lifts[i].value, "\""),
                   "an EXCLUSIVITY or FIRST_REFUSAL clause of this version");
  }
  return CheckOrder(at + ".end_time", waiver.start_time, waiver.end_time);
}

absl::Status Check(const std::string& at, const AgreementVersion&, const Clause&,
                   const CommitmentClause& commitment) {
  const Money& amount = commitment.amount;
  if (amount.IsSet() && amount.micros > 0) return absl::OkStatus();
  return Invalid(at + ".amount", amount.IsSet() ? Format(amount) : "none", "an amount over zero");
}

absl::Status Check(const std::string& at, const AgreementVersion& version, const Clause&,
                   const Term& term) {
  if (!term.end_time.IsSet())
    return Invalid(at + ".end_time", "none", "the instant at which the agreement has ended");
  return CheckOrder(at + ".end_time", version.effective_from, term.end_time);
}

absl::Status Check(const std::string&, const AgreementVersion&, const Clause&, const Noted&) {
  return absl::OkStatus();
}

// Whether a clause of this kind says something about a part of the owner's requests only.
bool HasScope(ClauseKind kind) {
  return kind != ClauseKind::kTerm && kind != ClauseKind::kTrigger && kind != ClauseKind::kNoted;
}
// Whether its text is what is agreed.
bool NeedsText(ClauseKind kind) {
  return kind == ClauseKind::kTrigger || kind == ClauseKind::kNoted;
}

absl::Status CheckClause(const std::string& at, const AgreementVersion& version,
                         const Clause& clause) {
  const ClauseKind kind = KindOf(clause);
  if (!HasScope(kind) && clause.scope != Scope{})
    return Invalid(at + ".scope", "a scope", Cat("none: a ", NameOf(kind), " has no scope"));
  if (NeedsText(kind) && clause.text.empty())
    return Invalid(at + ".text", "none", "what is agreed, in words");
  for (absl::Status status :
       {CheckRanges(at + ".scope", clause.scope),
        CheckOrder(at + ".scope.delivery_end_time", clause.scope.delivery_start_time,
                   clause.scope.delivery_end_time)}) {
    if (!status.ok()) return status;
  }
  return std::visit(
      [&](const auto& content) {
        const std::string inside = Cat(at, ".", content.kName);
        absl::Status status = CheckRanges(inside, content);
        return status.ok() ? Check(inside, version, clause, content) : status;
      },
      clause.content);
}

}  // namespace

const Clause* FindClause(const AgreementVersion& version, const ClauseId& id) {
  for (const Clause& clause : version.clauses) {
    if (clause.id == id) return &clause;
  }
  return nullptr;
}

const Asking* AskingOf(const Clause& clause) {
  if (const auto* exclusivity = As<Exclusivity>(clause)) return &exclusivity->asking;
  if (const auto* refusal = As<FirstRefusal>(clause)) return &refusal->asking;
  return nullptr;
}

Asking* AskingOf(Clause& clause) { return const_cast<Asking*>(AskingOf(std::as_const(clause))); }

const FirstRefusal& MatchingOf(const Clause& clause) {
  static const FirstRefusal kNone;
  const auto* refusal = As<FirstRefusal>(clause);
  return refusal != nullptr ? *refusal : kNone;
}

const Calendar* CalendarOf(const AgreementVersion& version, const Clause& clause) {
  const Asking* asking = AskingOf(clause);
  if (asking == nullptr || asking->calendar.empty()) return nullptr;
  for (const Calendar& calendar : version.calendars) {
    if (calendar.id == asking->calendar) return &calendar;
  }
  return nullptr;
}

Instant EndOf(const AgreementVersion& version) {
  Instant end = OrLast(version.effective_to);
  for (const Clause& clause : version.clauses) {
    if (const auto* term = As<Term>(clause)) end = std::min(end, OrLast(term->end_time));
  }
  return end == kLastInstant ? Instant{} : end;
}

bool IsInForce(const AgreementVersion& version, Instant t) {
  return version.effective_from <= t && t < OrLast(EndOf(version));
}

bool Covers(const Scope& scope, const Request& request, const Segment& segment, int64_t quantity) {
  return Admits(scope.workload_classes, segment.workload_class) &&
         Admits(scope.purposes, segment.purpose) &&
         Admits(scope.resource_types, request.terms.resource_type) &&
         Admits(scope.regions, request.terms.region) &&
         !(scope.new_capacity_only && request.renewal) && quantity >= scope.min_quantity &&
         request.terms.start >= scope.delivery_start_time &&
         request.terms.start < OrLast(scope.delivery_end_time);
}

bool Overlap(const Scope& a, const Scope& b) {
  return Meet(a.workload_classes, b.workload_classes) && Meet(a.purposes, b.purposes) &&
         Meet(a.resource_types, b.resource_types) && Meet(a.regions, b.regions) &&
         a.delivery_start_time < OrLast(b.delivery_end_time) &&
         b.delivery_start_time < OrLast(a.delivery_end_time);
}

absl::Status Validate(const AgreementVersion& version) {
  if (!IsName(version.agreement.value)) {
    return Invalid("agreement", Cat("\"", version.agreement.value, "\""),
                   "1 to 63 of a-z, 0-9 and '-'");
  }
  if (!version.effective_from.IsSet()) return Invalid("effective_from", "none", "a time");
  if (absl::Status status =
          CheckOrder("effective_to", version.effective_from, version.effective_to);
      !status.ok()) {
    return status;
  }
  if (version.closed_lists)  // R32 is not carried out, so nobody may rely on it.
    return Invalid("closed_lists", "true", "false: names are not checked yet");
  if (version.clauses.empty()) return Invalid("clauses", "none", "at least one");
  absl::flat_hash_set<std::string> calendars;
  for (size_t i = 0; i < version.calendars.size(); ++i) {
    const std::string at = Cat("calendars[", i, "]");
    if (absl::Status status = Validate(version.calendars[i], at); !status.ok()) return status;
    if (!calendars.insert(version.calendars[i].id).second)
      return Invalid(at + ".id", version.calendars[i].id, "an id used once");
  }
  absl::flat_hash_set<std::string> seen;
  bool has_term = false;
  for (size_t i = 0; i < version.clauses.size(); ++i) {
    const Clause& clause = version.clauses[i];
    const std::string at = Cat("clauses[", i, "]");
    if (!IsClauseName(clause.id.value)) {
      return Invalid(at + ".id", Cat("\"", clause.id.value, "\""),
                     "1 to 63 letters, digits, '-' or '_', a letter first");
    }
    if (!seen.insert(clause.id.value).second)
      return Invalid(at + ".id", clause.id.value, "an id used once");
    if (absl::Status status = CheckClause(at, version, clause); !status.ok()) return status;
    if (As<Term>(clause) != nullptr && std::exchange(has_term, true))
      return Invalid(at + ".term", "a second TERM", "one TERM at most");
  }
  return absl::OkStatus();
}

absl::Status ValidateWaiver(const AgreementVersion& version, const Clause& waiver) {
  if (!IsClauseName(waiver.id.value)) {
    return Invalid("waiver.clause.id", Cat("\"", waiver.id.value, "\""),
                   "1 to 63 letters, digits, '-' or '_', a letter first");
  }
  if (KindOf(waiver) != ClauseKind::kWaiver)
    return Invalid("waiver.clause", NameOf(KindOf(waiver)), "WAIVER");
  return CheckClause("waiver.clause", version, waiver);
}

}  // namespace capbroker
