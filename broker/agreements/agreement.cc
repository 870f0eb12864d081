#include "broker/agreements/agreement.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
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

// The clause with the fields of its kind only.
Clause OfItsKind(const Clause& c) {
  Clause out;
  out.id = c.id;
  out.kind = c.kind;
  out.text = c.text;
  switch (c.kind) {
    case ClauseKind::kFirstRefusal:
      out.mode = c.mode;
      out.priority = c.priority;
      out.price_tolerance_ppm = c.price_tolerance_ppm;
      out.start_tolerance = c.start_tolerance;
      out.match_window = c.match_window;
      out.match_always = c.match_always;
      out.contingent = c.contingent;
      out.close_within = c.close_within;
      out.reoffer = c.reoffer;
      [[fallthrough]];
    case ClauseKind::kExclusivity:
      out.scope = c.scope;
      out.window = c.window;
      out.partial = c.partial;
      out.min_quantity = c.min_quantity;
      out.quantity_step = c.quantity_step;
      out.calendar = c.calendar;
      out.void_on_end = c.void_on_end;
      out.toll_over = c.toll_over;
      out.min_remaining = c.min_remaining;
      out.counter_window = c.counter_window;
      out.confirm_within = c.confirm_within;
      out.withdraw_notice = c.withdraw_notice;
      out.aggregation_window = c.aggregation_window;
      break;
    case ClauseKind::kWaiver:
      out.scope = c.scope;
      out.lifts = c.lifts;
      out.min_share_ppm = c.min_share_ppm;
      out.cap_quantity = c.cap_quantity;
      out.from = c.from;
      out.to = c.to;
      break;
    case ClauseKind::kCommitment:
      out.scope = c.scope;
      out.amount = c.amount;
      break;
    case ClauseKind::kTerm:
      out.term_end = c.term_end;
      break;
    case ClauseKind::kTrigger:
      out.ends = c.ends;
      out.attesters = c.attesters;
      out.quorum = c.quorum;
      out.threshold = c.threshold;
      out.dispute_window = c.dispute_window;
      break;
    case ClauseKind::kNoted:
      break;
  }
  return out;
}

absl::Status CheckRange(std::string_view field, int64_t got, int64_t least, int64_t most) {
  if (got >= least && got <= most) return absl::OkStatus();
  return Invalid(field, Cat(got), Cat("a whole number from ", least, " to ", most));
}

absl::Status CheckSpan(std::string_view field, Span got, Span least) {
  if (got >= least && got <= kLongestSpan) return absl::OkStatus();
  return Invalid(field, Format(got),
                 Cat("a duration from ", Format(least), " to ", Format(kLongestSpan)));
}

// From before to, where both are set.
absl::Status CheckOrder(std::string_view field, Instant from, Instant to) {
  if (!from.IsSet() || !to.IsSet() || from < to) return absl::OkStatus();
  return Invalid(field, Format(to), Cat("a time after ", Format(from)));
}

absl::Status CheckRight(const std::string& at, const AgreementVersion& version, const Clause& c) {
  if (!c.partial && (c.min_quantity != 0 || c.quantity_step != 0)) {
    return Invalid(at + ".partial", "false", "true where a minimum or a step is given");
  }
  if (!c.calendar.empty() && CalendarOf(version, c) == nullptr) {
    return Invalid(at + ".calendar", Cat("\"", c.calendar, "\""),
                   "the id of one of this version's calendars");
  }
  for (absl::Status status :
       {CheckSpan(at + ".window", c.window, Span{1}),
        CheckSpan(at + ".toll_over", c.toll_over, Span{}),
        CheckSpan(at + ".start_tolerance", c.start_tolerance, Span{}),
        CheckSpan(at + ".min_remaining", c.min_remaining, Span{}),
        CheckSpan(at + ".counter_window", c.counter_window, Span{}),
        CheckSpan(at + ".match_window", c.match_window, Span{}),
        CheckSpan(at + ".close_within", c.close_within, Span{}),
        CheckSpan(at + ".confirm_within", c.confirm_within, Span{}),
        CheckSpan(at + ".withdraw_notice", c.withdraw_notice, Span{}),
        CheckSpan(at + ".aggregation_window", c.aggregation_window, Span{}),
        CheckRange(at + ".min_quantity", c.min_quantity, 0, kMostQuantity),
        CheckRange(at + ".quantity_step", c.quantity_step, 0, kMostQuantity),
        CheckRange(at + ".priority", c.priority, 0, 1'000'000),
        CheckRange(at + ".price_tolerance_ppm", c.price_tolerance_ppm, 0, 1'000'000)}) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// R18.
absl::Status CheckTrigger(const std::string& at, const AgreementVersion& version, const Clause& c) {
  if (c.text.empty()) return Invalid(at + ".text", "none", "what is agreed, in words");
  if (c.ends.empty()) return Invalid(at + ".ends", "none", "at least one clause of this version");
  for (size_t i = 0; i < c.ends.size(); ++i) {
    if (FindClause(version, c.ends[i]) != nullptr && c.ends[i] != c.id) continue;
    return Invalid(Cat(at, ".ends[", i, "]"), Cat("\"", c.ends[i].value, "\""),
                   "another clause of this version");
  }
  if (c.attesters.empty()) return Invalid(at + ".attesters", "none", "at least one party");
  for (size_t i = 0; i < c.attesters.size(); ++i) {
    const bool is_repeated =
        std::find(c.attesters.begin(), c.attesters.begin() + static_cast<ptrdiff_t>(i),
                  c.attesters[i]) != c.attesters.begin() + static_cast<ptrdiff_t>(i);
    if (ParseActor(c.attesters[i]).ok() && !is_repeated) continue;
    return Invalid(Cat(at, ".attesters[", i, "]"), Cat("\"", c.attesters[i], "\""),
                   "a party as \"auditor/NAME\", \"owner/NAME\" or \"provider/NAME\", each once");
  }
  if (c.threshold.IsSet() && c.threshold.micros <= 0) {
    return Invalid(at + ".threshold", Format(c.threshold), "an amount over zero");
  }
  if (absl::Status status =
          CheckRange(at + ".quorum", c.quorum, 0, static_cast<int64_t>(c.attesters.size()));
      !status.ok()) {
    return status;
  }
  return CheckSpan(at + ".dispute_window", c.dispute_window, Span{});
}

absl::Status CheckWaiver(const std::string& at, const AgreementVersion& version, const Clause& c) {
  if (c.lifts.empty()) return Invalid(at + ".lifts", "none", "at least one clause of this version");
  for (size_t i = 0; i < c.lifts.size(); ++i) {
    const Clause* lifted = FindClause(version, c.lifts[i]);
    if (lifted == nullptr ||
        (lifted->kind != ClauseKind::kExclusivity && lifted->kind != ClauseKind::kFirstRefusal)) {
      return Invalid(Cat(at, ".lifts[", i, "]"), Cat("\"", c.lifts[i].value, "\""),
                     "an EXCLUSIVITY or FIRST_REFUSAL clause of this version");
    }
  }
  for (absl::Status status : {CheckRange(at + ".min_share_ppm", c.min_share_ppm, 0, 1'000'000),
                              CheckRange(at + ".cap_quantity", c.cap_quantity, 0, kMostQuantity),
                              CheckOrder(at + ".to", c.from, c.to)}) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckClause(const std::string& at, const AgreementVersion& version, const Clause& c) {
  if (!(OfItsKind(c) == c)) {
    return Invalid(at, "fields of another kind of clause",
                   Cat("only the fields of ", NameOf(c.kind)));
  }
  for (absl::Status status :
       {CheckRange(at + ".scope.min_quantity", c.scope.min_quantity, 0, kMostQuantity),
        CheckOrder(at + ".scope.delivery_to", c.scope.delivery_from, c.scope.delivery_to)}) {
    if (!status.ok()) return status;
  }
  switch (c.kind) {
    case ClauseKind::kExclusivity:
    case ClauseKind::kFirstRefusal:
      return CheckRight(at, version, c);
    case ClauseKind::kWaiver:
      return CheckWaiver(at, version, c);
    case ClauseKind::kCommitment:
      if (c.amount.IsSet() && c.amount.micros > 0) return absl::OkStatus();
      return Invalid(at + ".amount", c.amount.IsSet() ? Format(c.amount) : "none",
                     "an amount over zero");
    case ClauseKind::kTerm:
      if (!c.term_end.IsSet())
        return Invalid(at + ".term_end", "none", "the instant at which the agreement has ended");
      return CheckOrder(at + ".term_end", version.effective_from, c.term_end);
    case ClauseKind::kTrigger:
      return CheckTrigger(at, version, c);
    case ClauseKind::kNoted:
      if (!c.text.empty()) return absl::OkStatus();
      return Invalid(at + ".text", "none", "what is agreed, in words");
  }
  return absl::OkStatus();
}

}  // namespace

const Clause* FindClause(const AgreementVersion& version, const ClauseId& id) {
  for (const Clause& clause : version.clauses) {
    if (clause.id == id) return &clause;
  }
  return nullptr;
}

const Calendar* CalendarOf(const AgreementVersion& version, const Clause& clause) {
  for (const Calendar& calendar : version.calendars) {
    if (!clause.calendar.empty() && calendar.id == clause.calendar) return &calendar;
  }
  return nullptr;
}

Instant EndOf(const AgreementVersion& version) {
  Instant end = OrLast(version.effective_to);
  for (const Clause& clause : version.clauses) {
    if (clause.kind == ClauseKind::kTerm) end = std::min(end, clause.term_end);
  }
  return end == kLastInstant ? Instant{} : end;
}

bool IsInForce(const AgreementVersion& version, Instant t) {
  return version.effective_from <= t && t < OrLast(EndOf(version));
}

bool Covers(const Scope& scope, const Request& request, const Segment& segment,
            bool purpose_must_match, int64_t quantity) {
  if (purpose_must_match && segment.purpose.empty()) return false;
  return Admits(scope.workload_classes, segment.workload_class) &&
         Admits(scope.purposes, segment.purpose) &&
         Admits(scope.resource_types, request.terms.resource_type) &&
         Admits(scope.regions, request.terms.region) &&
         !(scope.new_capacity_only && request.renewal) && quantity >= scope.min_quantity &&
         request.terms.start >= scope.delivery_from &&
         request.terms.start < OrLast(scope.delivery_to);
}

bool Overlap(const Scope& a, const Scope& b) {
  return Meet(a.workload_classes, b.workload_classes) && Meet(a.purposes, b.purposes) &&
         Meet(a.resource_types, b.resource_types) && Meet(a.regions, b.regions) &&
         a.delivery_from < OrLast(b.delivery_to) && b.delivery_from < OrLast(a.delivery_to);
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
    if (clause.kind == ClauseKind::kTerm && std::exchange(has_term, true)) {
      return Invalid(at + ".kind", "a second TERM", "one TERM at most");
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateWaiver(const AgreementVersion& version, const Clause& waiver) {
  if (!IsClauseName(waiver.id.value)) {
    return Invalid("waiver.id", Cat("\"", waiver.id.value, "\""),
                   "1 to 63 letters, digits, '-' or '_', a letter first");
  }
  if (waiver.kind != ClauseKind::kWaiver)
    return Invalid("waiver.kind", NameOf(waiver.kind), "WAIVER");
  return CheckClause("waiver", version, waiver);
}

}  // namespace capbroker
