// A second reading of the rules: follows a trail decision by decision, with state of its own, and
// says what in it breaks an invariant. It shares no code with Decide and Fold.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/agreements/agreement.h"
#include "broker/trail/decision.h"
#include "broker/values/text.h"

namespace capbroker {

class Oracle {
 public:
  // Follows the owner's next act. What it breaks, in words; empty if nothing.
  std::vector<std::string> Follow(const Act& act) {
    found_.clear();
    Say(act.sequence == sequence_ + 1, "7: act ", act.sequence, " follows ", sequence_);
    sequence_ = act.sequence;
    Say(act.time >= time_, "7: time runs back");
    time_ = act.time;
    is_immaterial_ = false;
    for (const Decision& d : act.decisions) Follow(d, act);
    for (auto& [ref, c] : commitments_) {
      Say(c.reserved >= 0 && c.drawn >= 0 && c.reserved + c.drawn <= c.committed, "6: commitment ",
          ref, " is overdrawn");
    }
    if (act.request.IsSet()) CheckLots(requests_[act.request]);
    return found_;
  }

 private:
  struct Asked {
    Decision opened{};
    Instant at{}, deadline{};
    std::string ending{};  // The kind that ended it.
    bool bid = false, reserve = false;
    int64_t held = 0;  // Standing.
    bool confirmed = false;
    Money price{};
    int64_t cap = 0;  // The highest since it was opened: an amendment takes back nothing.
  };
  struct Line {
    Decision route{};
    std::set<std::string> done{};   // Rights that are out of the way.
    std::set<std::string> ended{};  // Those whose clause has ended (R17), or is lifted (R20).
    std::map<std::string, std::set<uint32_t>>
        compared{};  // Right -> the bids that it was held against.
    int64_t quantity = 0;
  };
  struct One {
    std::shared_ptr<const Request> request{};
    std::map<uint32_t, Line> lines{};
    std::map<uint32_t, Asked> offers{};
    bool finished = false;
  };
  struct Balance {
    int64_t committed = 0, reserved = 0, drawn = 0;
  };

  template <class... Words>
  void Say(bool holds, const Words&... words) {
    if (!holds) found_.push_back(Cat(words...));
  }

  void End(One& one, const Decision& d, const Act& act) {
    Asked& asked = one.offers[d.offer];
    Say(asked.ending.empty(), "2: offer ", d.offer, " ends as ", NameOf(d.kind), " after ",
        asked.ending);
    asked.ending = NameOf(d.kind);
    const bool answers =
        d.kind == Kind::OFFER_ACCEPTED || d.kind == Kind::OFFER_PARTIALLY_ACCEPTED ||
        (d.kind == Kind::OFFER_COUNTERED && !asked.bid) || d.kind == Kind::OFFER_DECLINED;
    Say(!answers || act.time <= asked.deadline, "2: ", asked.ending,
        " after the deadline of offer ", d.offer);
    Say(!answers || act.actor.name == asked.opened.provider.value, "2: offer ", d.offer,
        " answered by ", act.actor.name);
    Say(d.kind != Kind::OFFER_LAPSED || act.time > asked.deadline, "2: offer ", d.offer,
        " lapsed before its deadline");
  }

  void Follow(const Decision& d, const Act& act) {
    One& one = requests_[act.request];
    Asked& asked = one.offers[d.offer];
    const std::string ref = Cat(d.clause.agreement.value, "/", d.clause.clause.value);
    if (d.offer == 0) one.offers.erase(0);
    switch (d.kind) {
      case Kind::REQUEST_RECEIVED:
      case Kind::REQUEST_AMENDED:
        one.request = d.request;
        for (auto& [number, other] : one.offers) other.cap = std::max(other.cap, CapOf(one));
        break;
      case Kind::IMMATERIAL_CHANGE:
        is_immaterial_ = true;
        break;
      case Kind::ROUTE_EXCLUSIVE:
      case Kind::ROUTE_FIRST_REFUSAL:
      case Kind::ROUTE_WAIVED:
      case Kind::ROUTE_OPEN:
        one.lines[d.lineage].route = d;
        one.finished = false;  // What was withdrawn is routed anew (R15).
        break;
      case Kind::OFFER_OPENED:
        Opened(one, d, act);
        break;
      case Kind::DEADLINE_TOLLED:
      case Kind::DEADLINE_EXTENDED:
        if (d.kind == Kind::DEADLINE_TOLLED && d.clock != WindowKind::kOffer) break;
        Say(asked.ending.empty(), "2: offer ", d.offer, " has ended and gets a deadline");
        Say(d.deadline >= asked.deadline, "R3: the deadline of offer ", d.offer, " is shortened");
        asked.deadline = d.deadline;
        break;
      case Kind::OFFER_ACCEPTED:
      case Kind::OFFER_PARTIALLY_ACCEPTED:
      case Kind::OFFER_COUNTERED:
      case Kind::OFFER_DECLINED:
      case Kind::OFFER_LAPSED:
      case Kind::OFFER_RESCINDED:
      case Kind::OFFER_SUPERSEDED:
      case Kind::OFFER_VOIDED:
        End(one, d, act);
        if (d.cool_down != nullptr)
          cool_[{d.provider.value, d.cool_down->resource_type, d.cool_down->region}] =
              d.cool_down->until;
        if (d.terms != nullptr) asked.price = d.terms->unit_price;
        break;
      case Kind::BID_RECEIVED:
        Say(asked.ending.empty() && act.time <= asked.deadline, "2: a bid on a closed offer");
        asked.bid = true;
        asked.price = d.unit_price;
        break;
      case Kind::STANDBY_RECORDED:
        asked.reserve = true;
        break;
      case Kind::RIGHT_WAIVED:
        one.lines[d.lineage].done.insert(ref);
        Say(d.offer == 0 || (d.quantity > 0 && d.quantity <= asked.opened.quantity),
            "R5: ", d.quantity, " are waived of ", asked.opened.quantity, " that offer ", d.offer,
            " asked");
        break;
      case Kind::MATCH_REQUIRED:
      case Kind::MATCH_NOT_REQUIRED:
      case Kind::MATCH_SKIPPED:
        one.lines[d.lineage].compared[ref].insert(d.offer);
        if (d.kind == Kind::MATCH_SKIPPED) one.lines[d.lineage].done.insert(ref);
        if (d.reason == "CLAUSE_ENDED" || d.reason == "WAIVED")
          one.lines[d.lineage].ended.insert(ref);
        break;
      case Kind::PROVIDER_SKIPPED:
        if (d.clause.IsSet()) one.lines[d.lineage].done.insert(ref);
        if (d.reason == "CLAUSE_ENDED" || d.reason == "WAIVED")
          one.lines[d.lineage].ended.insert(ref);
        break;
      case Kind::RIGHT_REVIVED:
        one.lines[d.lineage].done.erase(ref);
        for (const auto& [number, other] : one.offers) {
          Say(other.opened.lineage != d.lineage || other.opened.clause.IsSet() || other.held == 0 ||
                  other.confirmed,
              "R12: offer ", number, " is held by an alternative while the right revives");
        }
        break;
      case Kind::ALLOCATION_HELD:
        Held(one, d);
        break;
      case Kind::ALLOCATION_CONFIRMED: {
        Say(asked.held == d.quantity && !asked.confirmed, "3: allocation ", d.offer,
            " is confirmed without a hold");
        asked.confirmed = true;
        Say(asked.price.micros <= asked.cap, "5: allocation ", d.offer,
            " is confirmed above the price cap");
        break;
      }
      case Kind::ALLOCATION_EXPIRED:
      case Kind::ALLOCATION_RELEASED:
      case Kind::ALLOCATION_WITHDRAWN:
        Say(asked.held == d.quantity && d.quantity > 0, "3: allocation ", d.offer,
            " ends without standing");
        Say(d.kind != Kind::ALLOCATION_EXPIRED || !asked.confirmed,
            "3: a confirmed allocation expires");
        asked.held = 0;
        break;
      case Kind::AGREEMENT_ACTIVATED:
        for (const Clause& clause : d.agreement->clauses) {
          const std::string name = Cat(d.agreement->agreement.value, "/", clause.id.value);
          if (const auto* commitment = As<CommitmentClause>(clause))
            commitments_[name].committed = commitment->amount.micros;
          modes_[name] = MatchingOf(clause).mode;
        }
        break;
      case Kind::COMMITMENT_RESERVED:
        commitments_[ref].reserved += d.amount.micros;
        break;
      case Kind::COMMITMENT_RELEASED:
        commitments_[ref].reserved -= d.amount.micros;
        break;
      case Kind::COMMITMENT_DRAWN:
        commitments_[ref].reserved -= d.amount.micros;
        commitments_[ref].drawn += d.amount.micros;
        break;
      case Kind::COMMITMENT_RESTORED:
        commitments_[ref].drawn -= d.amount.micros;
        break;
      case Kind::REQUEST_FULFILLED:
      case Kind::REQUEST_PARTIALLY_FULFILLED:
      case Kind::REQUEST_UNFILLED:
      case Kind::REQUEST_EXPIRED:
      case Kind::REQUEST_CANCELLED:
        one.finished = true;
        for (const auto& [number, other] : one.offers) {
          Say(!other.ending.empty() || other.held > 0 || Chosen(other), "2: offer ", number,
              " is open at the end");
          Say(other.held == 0 || other.confirmed, "3: allocation ", number, " is held at the end");
        }
        break;
      case Kind::BID_LOST:
      case Kind::BID_DISQUALIFIED:
        if (asked.ending.empty()) asked.ending = NameOf(d.kind);
        break;
      case Kind::BEST_BID_SELECTED:
      case Kind::STANDBY_PROMOTED:
        if (asked.ending.empty()) asked.ending = NameOf(d.kind);
        break;
      default:
        break;
    }
  }

  static bool Chosen(const Asked& asked) { return !asked.ending.empty(); }

  void Opened(One& one, const Decision& d, const Act& act) {
    const Terms& terms = one.request->terms;
    const auto cool = cool_.find({d.provider.value, terms.resource_type, terms.region});
    const bool exchange = d.replaces != 0 && one.offers[d.replaces].ending != "OFFER_SUPERSEDED";
    const bool successor = d.replaces != 0 && !exchange;
    Say(cool == cool_.end() || act.time >= cool->second || exchange || successor,
        "4: ", d.provider.value, " is asked inside its cool-down");
    Say(d.deadline > act.time || (successor && d.deadline == act.time), "R3: offer ", d.offer,
        " is opened past its deadline");
    Say(!is_immaterial_ || d.replaces == 0 ||
            d.terms_hash != one.offers[d.replaces].opened.terms_hash,
        "4: offer ", d.offer, " asks ", d.provider.value, " what offer ", d.replaces, " asked it");
    Say(!one.finished, "2: offer ", d.offer, " is opened in a finished request");
    const Line& line = one.lines[d.lineage];
    if (d.offer_kind == OfferKind::kAlternative && !exchange) {
      Say(line.route.kind != Kind::ROUTE_EXCLUSIVE ||
              line.done.contains(Name(line.route.clauses[0])),
          "1: an alternative is asked over an exclusivity");
      for (const ClauseRef& right : line.route.kind == Kind::ROUTE_FIRST_REFUSAL
                                        ? line.route.clauses
                                        : std::vector<ClauseRef>()) {
        Say(line.done.contains(Name(right)) || modes_[Name(right)] == Mode::kMatch,
            "1: an alternative is asked while ", Name(right), " stands");
      }
    }
    Say(d.offer_kind == OfferKind::kMatch || d.unit_price.micros <= CapOf(one), "5: offer ",
        d.offer, " is above the price cap");
    Asked& asked = one.offers[d.offer];
    asked.opened = d;
    asked.at = act.time;
    asked.deadline = d.deadline;
    asked.price = d.unit_price;
    asked.cap = CapOf(one);
  }

  void Held(One& one, const Decision& d) {
    Asked& asked = one.offers[d.offer];
    Say(asked.held == 0, "3: offer ", d.offer, " is held twice");
    Say(d.quantity > 0 && d.quantity <= asked.opened.quantity, "3: offer ", d.offer,
        " holds more than was offered");
    Say(!asked.ending.empty() || asked.reserve, "2: offer ", d.offer, " is held unanswered");
    asked.held = d.quantity;
    const Line& line = one.lines[d.lineage];
    const bool exchange = asked.opened.replaces != 0 && one.offers[asked.opened.replaces].held > 0;
    if (asked.opened.offer_kind != OfferKind::kAlternative || exchange) return;
    if (line.route.kind == Kind::ROUTE_EXCLUSIVE)
      Say(line.done.contains(Name(line.route.clauses[0])),
          "1: an alternative is held over an exclusivity");
    if (line.route.kind != Kind::ROUTE_FIRST_REFUSAL) return;
    for (const ClauseRef& right : line.route.clauses) {
      if (line.ended.contains(Name(right))) continue;
      const auto compared = line.compared.find(Name(right));
      const bool matched = compared != line.compared.end() && compared->second.contains(d.offer);
      Say(line.done.contains(Name(right)) || matched, "1: offer ", d.offer, " is held while ",
          Name(right), " stands");
      Say(matched || modes_[Name(right)] == Mode::kFirstOffer, "5: offer ", d.offer,
          " is held unmatched against ", Name(right));
    }
  }

  void CheckLots(const One& one) {
    int64_t standing = 0;
    for (const auto& [number, asked] : one.offers) standing += asked.held;
    Say(one.request == nullptr || standing <= one.request->terms.quantity, "3: ", standing,
        " stand of ", one.request == nullptr ? 0 : one.request->terms.quantity);
  }

  static int64_t CapOf(const One& one) {
    const Request& request = *one.request;
    return (request.price_cap.IsSet() ? request.price_cap : request.terms.unit_price).micros;
  }

  static std::string Name(const ClauseRef& ref) {
    return Cat(ref.agreement.value, "/", ref.clause.value);
  }

  std::vector<std::string> found_;
  uint64_t sequence_ = 0;
  bool is_immaterial_ = false;  // So far, the act is an immaterial amendment.
  Instant time_{};
  std::map<RequestId, One> requests_;
  std::map<std::string, Balance> commitments_;
  std::map<std::string, Mode> modes_;
  std::map<std::array<std::string, 3>, Instant> cool_;
};

}  // namespace capbroker
