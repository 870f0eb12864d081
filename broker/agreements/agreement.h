// What binds one owner to one provider, the holder: immutable versions, each a list of clauses.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/values/calendar.h"
#include "broker/values/ids.h"
#include "broker/values/request.h"
#include "broker/values/terms.h"

namespace capbroker {

enum class ClauseKind {
  kExclusivity,
  kFirstRefusal,
  kWaiver,
  kCommitment,
  kTerm,
  kTrigger,
  kNoted
};
template <>
struct Names<ClauseKind> {
  static constexpr std::array<std::string_view, 7> values = {
      "EXCLUSIVITY", "FIRST_REFUSAL", "WAIVER", "COMMITMENT", "TERM", "TRIGGER", "NOTED"};
};

// R1.
enum class Mode { kFirstOffer, kMatch, kFirstOfferThenMatch };
template <>
struct Names<Mode> {
  static constexpr std::array<std::string_view, 3> values = {"FIRST_OFFER", "MATCH",
                                                             "FIRST_OFFER_THEN_MATCH"};
};

// What a clause is about. An empty list means "any".
struct Scope {
  std::vector<std::string> workload_classes{};
  std::vector<std::string>
      purposes{};  // Of a waiver: an unstated purpose never matches, not even "any".
  std::vector<std::string> resource_types{};
  std::vector<std::string> regions{};
  bool new_capacity_only = false;
  int64_t min_quantity = 0;  // Of the whole request.
  Instant delivery_from{};  // The terms' start is in [delivery_from, delivery_to); unset: no bound.
  Instant delivery_to{};
  bool operator==(const Scope&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("classes", self.workload_classes);
    field("delivery_from", self.delivery_from);
    field("delivery_to", self.delivery_to);
    field("min_quantity", self.min_quantity);
    field("new_capacity_only", self.new_capacity_only);
    field("purposes", self.purposes);
    field("regions", self.regions);
    field("resource_types", self.resource_types);
  }
};

// One clause. Which fields count depends on the kind; the others keep their defaults (activation
// checks it).
struct Clause {
  ClauseId id{};
  ClauseKind kind = ClauseKind::kNoted;
  Scope scope{};  // EXCLUSIVITY, FIRST_REFUSAL, WAIVER, COMMITMENT.

  // EXCLUSIVITY and FIRST_REFUSAL: how the holder is asked.
  Mode mode = Mode::kFirstOffer;  // FIRST_REFUSAL.
  Span window{};                  // R3: from notice to deadline. More than zero.
  std::string calendar{};     // R3: of this version; its hours alone count. Empty: all time does.
  int64_t priority = 0;       // FIRST_REFUSAL: ascending among several.
  bool partial = false;       // R6: a part may be accepted,
  int64_t min_quantity = 0;   //   of at least this,
  int64_t quantity_step = 0;  //   in multiples of this. 0 and 1 are the same.
  int64_t price_tolerance_ppm =
      0;                     // R10: an alternative's price may exceed the refused one by so much.
  Span start_tolerance{};    // R10: and start so much later.
  bool void_on_end = false;  // R17: open offers are voided when the clause ends, else they run off.
  Span toll_over{};  // R22: an outage longer than this is added back to open windows; zero: never.
  Span min_remaining{};   // R13: an immaterial amendment leaves at least this much of a window.
  Span counter_window{};  // R7: the holder may counter, and the owner has so long to take it; zero:
                          // no counters.
  Span match_window{};    // R1: of a match round; zero: as long as `window`.
  bool match_always =
      false;  // R10: other terms open a match round even if they are better for the owner.
  bool contingent = false;  // R11: contingent bids count against this right.
  Span close_within{};    // R12: from the waiver to the alternative's confirmation; zero: no bound.
  Span confirm_within{};  // R14: from hold to confirmation by the holder; zero: at once.
  Span withdraw_notice{};     // R15: of a confirmed allocation; zero: it may not be withdrawn.
  bool reoffer = false;       // R16: asked once more before the request is unfilled.
  Span aggregation_window{};  // R24: requests alike count as one against scope.min_quantity; zero:
                              // each by itself.

  // WAIVER
  std::vector<ClauseId>
      lifts{};  // Clauses of the same agreement that do not apply within this scope.
  int64_t min_share_ppm =
      0;  // "Primarily": at least this share of the quantity has a waived purpose.
  int64_t cap_quantity = 0;  // Units in all, over every use; 0: no cap.
  Instant from{};            // In force in [from, to); unset: as long as its version.
  Instant to{};

  // TRIGGER (R18)
  std::vector<ClauseId> ends{};          // Clauses of the same agreement that it ends.
  std::vector<std::string> attesters{};  // "auditor/kpmg", "provider/azure": who may sign.
  int64_t quorum = 0;                    // How many must; 0: all of them.
  Money threshold{};      // If set, a signature counts only with a measure of at least this.
  Span dispute_window{};  // From the assertion; no effect before it has passed.

  Money amount{};      // COMMITMENT: in all.
  Instant term_end{};  // TERM: at this instant every clause of the agreement has ended.
  std::string text{};  // NOTED, and a reader's note on any other.

  bool operator==(const Clause&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("aggregation_window", self.aggregation_window);
    field("amount", self.amount);
    field("attesters", self.attesters);
    field("calendar", self.calendar);
    field("cap_quantity", self.cap_quantity);
    field("close_within", self.close_within);
    field("confirm_within", self.confirm_within);
    field("contingent", self.contingent);
    field("counter_window", self.counter_window);
    field("dispute_window", self.dispute_window);
    field("ends", self.ends);
    field("from", self.from);
    field("id", self.id);
    field("kind", self.kind);
    field("lifts", self.lifts);
    field("match_always", self.match_always);
    field("match_window", self.match_window);
    field("min_quantity", self.min_quantity);
    field("min_remaining", self.min_remaining);
    field("min_share_ppm", self.min_share_ppm);
    field("mode", self.mode);
    field("partial", self.partial);
    field("price_tolerance_ppm", self.price_tolerance_ppm);
    field("priority", self.priority);
    field("quantity_step", self.quantity_step);
    field("quorum", self.quorum);
    field("reoffer", self.reoffer);
    field("scope", self.scope);
    field("start_tolerance", self.start_tolerance);
    field("term_end", self.term_end);
    field("text", self.text);
    field("threshold", self.threshold);
    field("to", self.to);
    field("toll_over", self.toll_over);
    field("void_on_end", self.void_on_end);
    field("window", self.window);
    field("withdraw_notice", self.withdraw_notice);
  }
};

// In force in [effective_from, effective_to), and before the end its TERM names.
struct AgreementVersion {
  AgreementId agreement{};
  uint32_t version = 0;  // From 1, without gaps.
  ProviderId holder{};   // The same in every version.
  Instant effective_from{};
  Instant effective_to{};  // Unset: open; the next version closes it.
  std::vector<Clause> clauses{};
  std::vector<Calendar> calendars{};
  std::string text{};  // A reader's note.
  bool operator==(const AgreementVersion&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("agreement", self.agreement);
    field("calendars", self.calendars);
    field("clauses", self.clauses);
    field("effective_from", self.effective_from);
    field("effective_to", self.effective_to);
    field("holder", self.holder);
    field("text", self.text);
    field("version", self.version);
  }
};

const Clause* FindClause(const AgreementVersion& version, const ClauseId& id);
// The calendar that the clause names; null if it names none.
const Calendar* CalendarOf(const AgreementVersion& version, const Clause& clause);
inline ClauseRef RefOf(const AgreementVersion& version, const Clause& clause) {
  return {version.agreement, version.version, clause.id};
}

// When every clause of this version ends: the earlier of its TERM and `effective_to`; unset if
// neither.
Instant EndOf(const AgreementVersion& version);
bool IsInForce(const AgreementVersion& version, Instant t);

// Whether the segment of the request lies in the scope. `purpose_must_match` is a waiver's stricter
// reading. `quantity` is what counts against the scope's minimum: the request's, or more of them
// taken as one (R24).
bool Covers(const Scope& scope, const Request& request, const Segment& segment,
            bool purpose_must_match, int64_t quantity);
inline bool Covers(const Scope& scope, const Request& request, const Segment& segment,
                   bool purpose_must_match) {
  return Covers(scope, request, segment, purpose_must_match, request.terms.quantity);
}

// Whether some request could lie in both.
bool Overlap(const Scope& a, const Scope& b);

// INVALID_ARGUMENT naming the field ("clauses[2].window") with got and want: what one version must
// satisfy by itself.
absl::Status Validate(const AgreementVersion& version);
// The same for a waiver that its holder writes beside `version` (R20).
absl::Status ValidateWaiver(const AgreementVersion& version, const Clause& waiver);

}  // namespace capbroker
