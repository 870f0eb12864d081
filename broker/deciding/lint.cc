#include "broker/deciding/lint.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "broker/values/refusal.h"
#include "broker/values/show.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

Instant OrLast(Instant t) { return t.IsSet() ? t : kLastInstant; }
std::string Quoted(std::string_view text) { return Cat("\"", text, "\""); }

bool MeetInTime(const AgreementVersion& a, const AgreementVersion& b) {
  return a.effective_from < OrLast(EndOf(b)) && b.effective_from < OrLast(EndOf(a));
}

// Whether the scopes meet in this one respect.
template <class Field>
bool MeetIn(Field Scope::*field, const Scope& a, const Scope& b) {
  Scope ours, theirs;
  ours.*field = a.*field;
  theirs.*field = b.*field;
  return Overlap(ours, theirs);
}

// Why no request lies in both.
std::string WhyApart(const Scope& a, const Scope& b) {
  if (!MeetIn(&Scope::workload_classes, a, b)) return "they have no workload class in common";
  if (!MeetIn(&Scope::purposes, a, b)) return "they have no purpose in common";
  if (!MeetIn(&Scope::resource_types, a, b)) return "they have no resource type in common";
  if (!MeetIn(&Scope::regions, a, b)) return "they have no region in common";
  return "they have no delivery time in common";
}

class Linter {
 public:
  Linter(const AgreementVersion& version, const OwnerId& owner, const Account& account,
         const Directory& directory)
      : version_(version),
        owner_(owner),
        account_(account),
        directory_(directory),
        end_(OrLast(EndOf(version))) {}

  std::vector<Finding> Run() {
    if (directory_.Find(version_.holder) == nullptr) {
      Refused("UNKNOWN_HOLDER", "holder", Quoted(version_.holder.value), "a registered provider");
    }
    if (std::none_of(version_.clauses.begin(), version_.clauses.end(), [](const Clause& c) {
          return IsRight(c) || As<CommitmentClause>(c) != nullptr;
        })) {
      Warn("NOTHING_GOVERNS", "clauses",
           "no EXCLUSIVITY, FIRST_REFUSAL or COMMITMENT: nothing is executed");
    }
    for (size_t i = 0; i < version_.clauses.size(); ++i) CheckClause(i);
    for (size_t i = 0; i < version_.calendars.size(); ++i) CheckCalendar(i);
    if (const AgreementVersion* latest = account_.Latest(version_.agreement)) CheckDropped(*latest);
    return std::move(findings_);
  }

 private:
  void CheckClause(size_t index) {
    const Clause& clause = version_.clauses[index];
    const std::string at = Cat("clauses[", index, "]");
    std::visit(
        [&](const auto& content) { Check(at, Cat(at, ".", content.kName), clause, content); },
        clause.content);
  }

  void Check(const std::string& at, const std::string& inside, const Clause& clause,
             const Exclusivity& right) {
    CheckRight(at, inside, clause);
    CheckWindows(inside + ".asking", clause, right.asking);
  }
  void Check(const std::string& at, const std::string& inside, const Clause& clause,
             const FirstRefusal& right) {
    CheckRight(at, inside, clause);
    CheckWindows(inside + ".asking", clause, right.asking);
    const Calendar* calendar = CalendarOf(version_, clause);
    if (calendar != nullptr && !Validate(*calendar, "").ok()) return;
    CheckWindow(inside + ".match_window", clause.scope, calendar, right.match_window);
    CheckWindow(inside + ".reoffer_window", clause.scope, calendar, right.reoffer_window);
  }
  void Check(const std::string&, const std::string& inside, const Clause&, const Term& term) {
    if (term.end_time > OrLast(version_.effective_to)) {
      Warn("CLAUSE_PAST_TERM", inside + ".end_time",
           Cat("the version ends at ", ShowTime(version_.effective_to), ", before its TERM at ",
               ShowTime(term.end_time)));
    }
  }
  void Check(const std::string&, const std::string&, const Clause&, const Noted&) {}

  // What the version before has and this one does not: it ends without a word.
  void CheckDropped(const AgreementVersion& before) {
    if (before.version == version_.version) return;
    const auto has = [](const AgreementVersion& version, auto is_such) {
      return std::any_of(version.clauses.begin(), version.clauses.end(), is_such);
    };
    for (const Clause& clause : before.clauses) {
      if (As<CommitmentClause>(clause) == nullptr || has(version_, [&](const Clause& c) {
            return c.id == clause.id && As<CommitmentClause>(c) != nullptr;
          }))
        continue;
      Warn("COMMITMENT_DROPPED", "clauses",
           Cat("version ", before.version, " has the commitment ", clause.id.value,
               ", this one does not: it ends with that version"));
    }
    const auto is_term = [](const Clause& c) { return As<Term>(c) != nullptr; };
    if (has(before, is_term) && !has(version_, is_term)) {
      Warn("TERM_DROPPED", "clauses",
           Cat("version ", before.version, " has a TERM, this one does not: it is open-ended"));
    }
  }

  // ---------------------------------------------------------------- rights

  void CheckRight(const std::string& at, const std::string& inside, const Clause& clause) {
    CheckAgainstOwn(at, inside, clause);
    CheckAgainstOthers(at, inside, clause);
  }

  // Against the rights further down in this version.
  void CheckAgainstOwn(const std::string& at, const std::string& inside, const Clause& ours) {
    for (const Clause* next = &ours + 1; next != version_.clauses.data() + version_.clauses.size();
         ++next) {
      const Clause& other = *next;
      if (KindOf(other) != KindOf(ours) || !Overlap(ours.scope, other.scope)) continue;
      const std::string pair = Cat(ours.id.value, " and ", other.id.value),
                        first = std::min(ours.id, other.id).value;
      if (As<Exclusivity>(ours) != nullptr) {
        Warn("EXCLUSIVITY_OVERLAP", at + ".scope",
             Cat(pair, " are exclusive over some of the same scope, where ", first,
                 " governs alone"));
      } else if (MatchingOf(ours).priority == MatchingOf(other).priority) {
        Warn("EQUAL_PRIORITY", inside + ".priority",
             Cat(pair, " are first refusals of priority ", MatchingOf(ours).priority,
                 " over some of the same scope, where ", first, " is asked first"));
      }
    }
  }

  // Against the rights of other agreements while both are in force.
  void CheckAgainstOthers(const std::string& at, const std::string& inside, const Clause& ours) {
    for (const auto& other : account_.agreements) {
      if (other->agreement == version_.agreement || !MeetInTime(version_, *other)) continue;
      for (const Clause& theirs : other->clauses) {
        if (KindOf(theirs) != KindOf(ours) || !Overlap(ours.scope, theirs.scope) ||
            IsTriggered(RefOf(*other, theirs))) {
          continue;
        }
        if (As<Exclusivity>(ours) != nullptr) {
          CheckExclusivity(at, ours, *other, theirs);
        } else if (MatchingOf(ours).priority == MatchingOf(theirs).priority) {
          WarnOfEqual(inside, ours, *other, theirs);
        }
      }
    }
  }

  // RULES section 2: two exclusivities of different holders over the same scope and time cannot
  // both stand.
  void CheckExclusivity(const std::string& at, const Clause& ours, const AgreementVersion& other,
                        const Clause& theirs) {
    if (other.holder == version_.holder) return;
    const std::string ref = Format(RefOf(other, theirs));
    Finding finding{
        .severity = Severity::kError, .code = "EXCLUSIVITY_CONFLICT", .field = at + ".scope"};
    finding.text = Cat("clause ", ours.id.value, " is exclusive over a scope in which ", ref,
                       " of ", other.holder.value, " is exclusive too");
    finding.refusal = Refuse(absl::StatusCode::kFailedPrecondition, finding.code, finding.text,
                             {{"clause", ours.id.value}, {"conflicts_with", ref}});
    findings_.push_back(std::move(finding));
  }

  void WarnOfEqual(const std::string& inside, const Clause& ours, const AgreementVersion& other,
                   const Clause& theirs) {
    const bool we_are_first = std::tie(version_.effective_from, version_.agreement) <
                              std::tie(other.effective_from, other.agreement);
    const std::string ref = Format(RefOf(other, theirs));
    Warn("EQUAL_PRIORITY", inside + ".priority",
         Cat(ours.id.value, " and ", ref, " of ", other.holder.value,
             " are first refusals of priority ", MatchingOf(ours).priority,
             " over some of the same scope, where ", we_are_first ? ours.id.value : ref,
             " is asked first, ",
             version_.effective_from == other.effective_from ? "by agreement id"
                                                             : "in force the longer"));
  }

  bool IsTriggered(const ClauseRef& ref) const { return account_.IsEndRecorded(ref); }

  // ---------------------------------------------------------------- windows

  void CheckWindows(const std::string& at, const Clause& clause, const Asking& asking) {
    const Calendar* calendar = CalendarOf(version_, clause);
    if (calendar == nullptr && !asking.calendar.empty()) {
      Refused("UNKNOWN_CALENDAR", at + ".calendar", Quoted(asking.calendar),
              "a calendar of this version");
      return;
    }
    if (calendar != nullptr && !Validate(*calendar, "").ok()) return;
    CheckWindow(at + ".window", clause.scope, calendar, asking.window);
  }

  // The earliest window begins with the version; it must leave a moment of the version and of its
  // delivery time.
  void CheckWindow(const std::string& field, const Scope& scope, const Calendar* calendar,
                   const Window& window) {
    const Instant deadline = AddWindow(calendar, version_.effective_from, window);
    const Instant delivery_end = OrLast(scope.delivery_end_time);
    if (deadline < std::min(end_, delivery_end)) return;
    std::string text = Cat(ShowWindow(window), " from the version's first instant ");
    if (deadline == kLastInstant) {
      text += "never end";
    } else if (delivery_end < end_) {
      text += Cat("end at ", ShowTime(deadline), ", but delivery begins before ",
                  ShowTime(delivery_end));
    } else {
      text += Cat("end at ", ShowTime(deadline), ", but the version ends at ", ShowTime(end_));
    }
    Warn("WINDOW_TOO_LONG", field, std::move(text));
  }

  void CheckCalendar(size_t index) {
    const std::string& id = version_.calendars[index].id;
    if (std::any_of(version_.clauses.begin(), version_.clauses.end(), [&](const Clause& clause) {
          const Asking* asking = AskingOf(clause);
          return asking != nullptr && asking->calendar == id;
        })) {
      return;
    }
    Warn("UNUSED_CALENDAR", Cat("calendars[", index, "]"),
         Cat("no clause names the calendar ", Quoted(id)));
  }

  // ---------------------------------------------------------------- the other kinds

  void Check(const std::string&, const std::string& inside, const Clause& clause,
             const Waiver& waiver) {
    const std::string& id = clause.id.value;
    for (size_t i = 0; i < waiver.lifts.size(); ++i) {
      const Clause* lifted = FindClause(version_, waiver.lifts[i]);
      if (lifted == nullptr || Overlap(clause.scope, lifted->scope)) continue;
      Warn("WAIVER_NEVER_APPLIES", Cat(inside, ".lifted_clause_ids[", i, "]"),
           Cat(id, " never lifts ", lifted->id.value, ": ", WhyApart(clause.scope, lifted->scope)));
    }
    if (waiver.start_time >= end_) {
      Warn("WAIVER_NEVER_APPLIES", inside + ".start_time",
           Cat(id, " begins at ", ShowTime(waiver.start_time), ", but the version ends at ",
               ShowTime(end_)));
    } else if (waiver.end_time > end_) {
      Warn("CLAUSE_PAST_TERM", inside + ".end_time",
           Cat(id, " lasts until ", ShowTime(waiver.end_time), ", but the version ends at ",
               ShowTime(end_)));
    }
    if (waiver.end_time.IsSet() && waiver.end_time <= version_.effective_from) {
      Warn("WAIVER_NEVER_APPLIES", inside + ".end_time",
           Cat(id, " ends at ", ShowTime(waiver.end_time), ", but the version begins at ",
               ShowTime(version_.effective_from)));
    }
  }

  void Check(const std::string& at, const std::string&, const Clause& clause,
             const CommitmentClause&) {
    if (std::none_of(version_.clauses.begin(), version_.clauses.end(),
                     [](const Clause& c) { return As<Term>(c) != nullptr; })) {
      Warn("NO_TERM_FOR_COMMITMENT", at,
           Cat(clause.id.value,
               " has no date at which a shortfall is due: the version has no TERM"));
    }
    const Scope& scope = clause.scope;
    if (scope.delivery_end_time.IsSet() && scope.delivery_end_time <= version_.effective_from) {
      Warn("COMMITMENT_NEVER_DRAWN", at + ".scope.delivery_end_time",
           Cat("all delivery is before ", ShowTime(scope.delivery_end_time),
               ", but the version begins at ", ShowTime(version_.effective_from)));
    } else if (!IsAskedWithin(scope) && !SellsWithin(scope)) {
      Warn("COMMITMENT_NEVER_DRAWN", at + ".scope",
           Cat(version_.holder.value,
               " has no right there, and no rate for any of its resources and regions"));
    }
  }

  // Whether a right of the holder, in any of its agreements, overlaps with the scope: then it is
  // asked whatever it sells.
  bool IsAskedWithin(const Scope& scope) const {
    const auto asks = [&](const AgreementVersion& version) {
      return std::any_of(version.clauses.begin(), version.clauses.end(),
                         [&](const Clause& c) { return IsRight(c) && Overlap(c.scope, scope); });
    };
    return asks(version_) || std::any_of(account_.agreements.begin(), account_.agreements.end(),
                                         [&](const auto& other) {
                                           return other->holder == version_.holder &&
                                                  other->agreement != version_.agreement &&
                                                  MeetInTime(version_, *other) && asks(*other);
                                         });
  }

  // Whether the holder could be asked as an alternative. A provider without rates sells anything.
  bool SellsWithin(const Scope& scope) const {
    const Provider* holder = directory_.Find(version_.holder);
    if (holder == nullptr || holder->rates.empty()) return true;
    return std::any_of(holder->rates.begin(), holder->rates.end(), [&](const Rate& rate) {
      Scope sold;
      sold.resource_types = {rate.resource_type};
      if (!rate.region.empty()) sold.regions = {rate.region};
      return Overlap(sold, scope);
    });
  }

  void Check(const std::string&, const std::string& at, const Clause& clause,
             const TriggerClause& trigger) {
    if (trigger.ends.empty())
      Refused("TRIGGER_ENDS_NOTHING", at + ".ended_clause_ids", "none", "at least one clause");
    for (size_t i = 0; i < trigger.ends.size(); ++i) {
      if (FindClause(version_, trigger.ends[i]) != nullptr) continue;
      Refused("TRIGGER_ENDS_NOTHING", Cat(at, ".ended_clause_ids[", i, "]"),
              Quoted(trigger.ends[i].value), "a clause of this version");
    }
    for (size_t i = 0; i < trigger.attesters.size(); ++i)
      CheckAttester(Cat(at, ".attesters[", i, "]"), trigger.attesters[i]);
    const auto attesters = static_cast<int64_t>(
        std::set<std::string>(trigger.attesters.begin(), trigger.attesters.end()).size());
    if (attesters == 0) {
      Refused("QUORUM_UNREACHABLE", at + ".attesters", "none", "at least one");
    } else if (trigger.quorum > attesters) {
      Refused("QUORUM_UNREACHABLE", at + ".quorum", Cat(trigger.quorum),
              Cat("at most ", attesters, ", as many as may sign; 0 is all of them"));
    }
    CheckWindow(at + ".dispute_window", clause.scope, nullptr, trigger.dispute_window);
  }

  void CheckAttester(const std::string& field, const std::string& attester) {
    const absl::StatusOr<Actor> actor = ParseActor(attester);
    const Role role = actor.ok() && IsName(actor->name) ? actor->role : Role::kNone;
    if (role == Role::kNone || role == Role::kBroker) {
      Refused("UNKNOWN_ATTESTER", field, Quoted(attester),
              "auditor/, operator/, owner/ or provider/ and a name");
    } else if (role == Role::kProvider && directory_.Find(ProviderId{actor->name}) == nullptr) {
      Refused("UNKNOWN_ATTESTER", field, Quoted(attester), "a registered provider");
    } else if (role == Role::kOwner && actor->name != owner_.value) {
      Refused("UNKNOWN_ATTESTER", field, Quoted(attester),
              Cat("this agreement's owner, owner/", owner_.value));
    }
  }

  // ---------------------------------------------------------------- findings

  void Refused(std::string code, std::string field, const std::string& got,
               const std::string& want) {
    absl::Status refusal = Invalid(field, got, want);
    findings_.push_back({Severity::kError, std::move(code), std::move(field),
                         Cat("got ", got, ", want ", want), std::move(refusal)});
  }
  void Warn(std::string code, std::string field, std::string text) {
    findings_.push_back(
        {Severity::kWarning, std::move(code), std::move(field), std::move(text), absl::OkStatus()});
  }

  const AgreementVersion& version_;
  const OwnerId& owner_;
  const Account& account_;
  const Directory& directory_;
  const Instant end_;  // kLastInstant if the version is open.
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> Lint(const AgreementVersion& version, const OwnerId& owner,
                          const Account& account, const Directory& directory) {
  return Linter(version, owner, account, directory).Run();
}

absl::Status RefusalOf(const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    if (finding.severity == Severity::kError) return finding.refusal;
  }
  return absl::OkStatus();
}

}  // namespace capbroker
