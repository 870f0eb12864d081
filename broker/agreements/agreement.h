// What binds one owner to one provider, the holder: immutable versions, each a list of clauses.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "broker/values/calendar.h"
#include "broker/values/ids.h"
#include "broker/values/request.h"
#include "broker/values/share.h"
#include "broker/values/terms.h"
#include "broker/values/window.h"

namespace capbroker {

// What a clause is about. An empty list means "any".
struct Scope {
  std::vector<std::string> workload_classes{};
  std::vector<std::string>
      purposes{};  // An unstated purpose is in no list; an empty one admits it.
  std::vector<std::string> resource_types{};
  std::vector<std::string> regions{};
  bool new_capacity_only = false;
  int64_t min_quantity = 0;  // Of the whole request.
  // The terms' start is in [delivery_start_time, delivery_end_time); unset: no bound.
  Instant delivery_start_time{};
  Instant delivery_end_time{};
  bool operator==(const Scope&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("delivery_end_time", self.delivery_end_time);
    field("delivery_start_time", self.delivery_start_time);
    field("min_quantity", self.min_quantity);
    field("new_capacity_only", self.new_capacity_only);
    field("purposes", self.purposes);
    field("regions", self.regions);
    field("resource_types", self.resource_types);
    field("workload_classes", self.workload_classes);
  }
};

// R6. Whether the holder may take a part, and which.
struct PartialAcceptance {
  bool allowed = false;       // A part may be accepted,
  int64_t min_quantity = 0;   //   of at least this,
  int64_t quantity_step = 0;  //   in multiples of this. 0 and 1 are the same.
  bool operator==(const PartialAcceptance&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("allowed", self.allowed);
    field("min_quantity", self.min_quantity);
    field("quantity_step", self.quantity_step);
  }
};

// How a holder is asked, whatever its right is.
struct Asking {
  Window window{};            // R3: from notice to deadline. More than zero.
  std::string calendar{};     // R3: of this version; its hours alone count. Empty: all time does.
  PartialAcceptance parts{};  // R6.
  bool void_on_end = false;  // R17: open offers are voided when the clause ends, else they run off.
  Span toll_over{};  // R22: an outage longer than this is added back to open windows; zero: never.
  Span min_remaining{};     // R13: an immaterial amendment leaves at least this much of a window.
  Window counter_window{};  // R7: the holder may counter, and the owner has so long to take it;
                            // zero: no counters.
  Span confirm_within{};    // R14: from hold to confirmation by the holder; zero: at once.
  Span withdraw_notice{};   // R15: of a confirmed allocation; zero: it may not be withdrawn.
  Span release_notice{};    // R28: the owner's release of one takes effect after it; zero: at once.
  Share release_share{};    // R28: of the unused drawn commitment, what a release restores.
  Span aggregation_window{};  // R24: requests alike count as one against scope.min_quantity; zero:
                              // each by itself.
  bool operator==(const Asking&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("aggregation_window", self.aggregation_window);
    field("calendar", self.calendar);
    field("confirm_within", self.confirm_within);
    field("counter_window", self.counter_window);
    field("min_remaining", self.min_remaining);
    field("parts", self.parts);
    field("release_notice", self.release_notice);
    field("release_share_ppm", self.release_share);
    field("toll_over", self.toll_over);
    field("void_on_end", self.void_on_end);
    field("window", self.window);
    field("withdraw_notice", self.withdraw_notice);
  }
};

// Only the holder may supply.
struct Exclusivity {
  static constexpr std::string_view kName = "exclusivity";
  Asking asking{};
  bool operator==(const Exclusivity&) const = default;
  static void Fields(auto& self, auto&& field) { field("asking", self.asking); }
};

// R1.
enum class Mode { kFirstOffer, kMatch, kFirstOfferThenMatch };
template <>
struct Names<Mode> {
  static constexpr std::array<std::string_view, 3> values = {"FIRST_OFFER", "MATCH",
                                                             "FIRST_OFFER_THEN_MATCH"};
};

// The holder is asked before the capacity goes elsewhere.
struct FirstRefusal {
  static constexpr std::string_view kName = "first_refusal";
  Asking asking{};
  Mode mode = Mode::kFirstOffer;
  int64_t priority = 0;  // Ascending among several.
  int64_t price_tolerance_ppm =
      0;                   // R10: an alternative's price may exceed the refused one by so much.
  Span start_tolerance{};  // R10: and start so much later.
  Window match_window{};   // R1: of a match round; zero: as long as `window`.
  bool match_always =
      false;  // R10: other terms open a match round even if they are better for the owner.
  bool contingent_bids = false;  // R11: contingent bids count against this right.
  Span close_within{};   // R12: from the waiver to the alternative's confirmation; zero: no bound.
  bool reoffer = false;  // R16: asked once more before the request is unfilled.
  Window reoffer_window{};  // R16: of that; zero: as long as `window`.
  bool operator==(const FirstRefusal&) const = default;
  const Window& MatchWindow() const { return match_window.IsSet() ? match_window : asking.window; }
  const Window& ReofferWindow() const {
    return reoffer_window.IsSet() ? reoffer_window : asking.window;
  }
  static void Fields(auto& self, auto&& field) {
    field("asking", self.asking);
    field("close_within", self.close_within);
    field("contingent_bids", self.contingent_bids);
    field("match_always", self.match_always);
    field("match_window", self.match_window);
    field("mode", self.mode);
    field("price_tolerance_ppm", self.price_tolerance_ppm);
    field("priority", self.priority);
    field("reoffer", self.reoffer);
    field("reoffer_window", self.reoffer_window);
    field("start_tolerance", self.start_tolerance);
  }
};

// R20. What a waiver lifts its clauses for: the segments in its scope or, where its share is
// reached, the whole of what is one unit.
enum class Covered { kSegments, kRequest };
template <>
struct Names<Covered> {
  static constexpr std::array<std::string_view, 2> values = {"SEGMENTS", "REQUEST"};
};

// The holder gives up named clauses, within limits.
struct Waiver {
  static constexpr std::string_view kName = "waiver";
  std::vector<ClauseId> lifts{};  // Of the same agreement; they do not apply within the scope.
  int64_t min_share_ppm =
      0;  // "Primarily": at least this share of the quantity has a waived purpose.
  int64_t cap_quantity = 0;  // Units in all, over every use; 0: no cap.
  Instant start_time{};      // In force in [start_time, end_time); unset: as long as its version.
  Instant end_time{};
  Covered covers = Covered::kSegments;
  bool operator==(const Waiver&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("cap_quantity", self.cap_quantity);
    field("covers", self.covers);
    field("end_time", self.end_time);
    field("lifted_clause_ids", self.lifts);
    field("min_share_ppm", self.min_share_ppm);
    field("start_time", self.start_time);
  }
};

// The owner has promised to buy.
struct CommitmentClause {
  static constexpr std::string_view kName = "commitment";
  Money amount{};  // In all.
  bool operator==(const CommitmentClause&) const = default;
  static void Fields(auto& self, auto&& field) { field("amount", self.amount); }
};

// The agreement ends.
struct Term {
  static constexpr std::string_view kName = "term";
  Instant end_time{};  // At this instant every clause of the agreement has ended.
  bool operator==(const Term&) const = default;
  static void Fields(auto& self, auto&& field) { field("end_time", self.end_time); }
};

// R18. Named clauses end once something has happened, and is attested.
struct TriggerClause {
  static constexpr std::string_view kName = "trigger";
  std::vector<ClauseId> ends{};          // Clauses of the same agreement that it ends.
  std::vector<std::string> attesters{};  // "auditor/kpmg", "provider/azure": who may sign.
  int64_t quorum = 0;                    // How many must; 0: all of them.
  Money threshold{};      // If set, a signature counts only with a measure of at least this.
  Span dispute_window{};  // From the assertion; no effect before it has passed.
  Span
      attest_within{};  // From the assertion; rejected if it is not attested by then. Zero: a year.
  std::vector<std::string> resolvers{};  // Who settle disputes; empty: the operator.
  bool operator==(const TriggerClause&) const = default;
  Span AttestWithin() const { return attest_within > Span{} ? attest_within : Hours(24 * 365); }
  static void Fields(auto& self, auto&& field) {
    field("attest_within", self.attest_within);
    field("attesters", self.attesters);
    field("dispute_window", self.dispute_window);
    field("ended_clause_ids", self.ends);
    field("quorum", self.quorum);
    field("resolvers", self.resolvers);
    field("threshold", self.threshold);
  }
};

// Recorded, not executed. The words are the clause's text.
struct Noted {
  static constexpr std::string_view kName = "noted";
  bool operator==(const Noted&) const = default;
  static void Fields(auto&, auto&&) {}
};

// In the order of Clause::content.
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

// One clause.
struct Clause {
  ClauseId id{};
  Scope scope{};       // EXCLUSIVITY, FIRST_REFUSAL, WAIVER, COMMITMENT.
  std::string text{};  // NOTED and TRIGGER: what is agreed; on any other, a reader's note.
  std::variant<Exclusivity, FirstRefusal, Waiver, CommitmentClause, Term, TriggerClause, Noted>
      content{};
  bool operator==(const Clause&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("content", self.content);
    field("id", self.id);
    field("scope", self.scope);
    field("text", self.text);
  }
};

inline ClauseKind KindOf(const Clause& clause) {
  return static_cast<ClauseKind>(clause.content.index());
}
// What the clause says, where it is of this kind; null otherwise.
template <class T>
const T* As(const Clause& clause) {
  return std::get_if<T>(&clause.content);
}
template <class T>
T* As(Clause& clause) {
  return std::get_if<T>(&clause.content);
}
// How the holder of an exclusivity or a first refusal is asked; null for the other kinds.
const Asking* AskingOf(const Clause& clause);
Asking* AskingOf(Clause& clause);
inline bool IsRight(const Clause& clause) { return AskingOf(clause) != nullptr; }
// What a first refusal says about matching and asking again; of any other kind, that it does not.
const FirstRefusal& MatchingOf(const Clause& clause);

// In force in [effective_from, effective_to), and before the end its TERM names.
struct AgreementVersion {
  AgreementId agreement{};
  uint32_t version = 0;  // From 1, without gaps.
  ProviderId holder{};   // The same in every version.
  Instant effective_from{};
  Instant effective_to{};  // Unset: open; the next version closes it.
  std::vector<Clause> clauses{};
  std::vector<Calendar> calendars{};
  bool closed_lists = false;  // R32: a name that nobody knows is an error, not a warning.
  std::string text{};         // A reader's note.
  bool operator==(const AgreementVersion&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("agreement", self.agreement);
    field("calendars", self.calendars);
    field("clauses", self.clauses);
    field("closed_lists", self.closed_lists);
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

// Whether the segment of the request lies in the scope: an unstated purpose is in no list of
// purposes. `quantity` is what counts against the scope's minimum: the request's, or more of them
// taken as one (R24).
bool Covers(const Scope& scope, const Request& request, const Segment& segment, int64_t quantity);
inline bool Covers(const Scope& scope, const Request& request, const Segment& segment) {
  return Covers(scope, request, segment, request.terms.quantity);
}

// Whether some request could lie in both.
bool Overlap(const Scope& a, const Scope& b);

// INVALID_ARGUMENT naming the field ("clauses[2].first_refusal.asking.window") with got and want:
// what one version must satisfy by itself.
absl::Status Validate(const AgreementVersion& version);
// The same for a waiver that its holder writes beside `version` (R20): "waiver.clause.scope".
absl::Status ValidateWaiver(const AgreementVersion& version, const Clause& waiver);

}  // namespace capbroker
