// R13: the owner changes what it asks for.
#include <algorithm>
#include <utility>

#include "broker/deciding/deciding.h"
#include "broker/deciding/rounds.h"
#include "broker/deciding/validate.h"
#include "broker/routing/compare.h"
#include "broker/routing/feasible.h"
#include "broker/routing/route.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

// What an amendment changes, for those who were asked.
struct Change {
  bool material = false;  // What is asked is another thing: it is routed, and asked, anew.
  bool offered = false;   // The terms of offers change.
  bool labels_only = false;
  std::vector<Figure> figures{};
};

// The least that any right over the request allows before a change is material; none where no right
// is.
Tolerance LeastTolerance(const RequestBook& book, const Account& account) {
  std::optional<Tolerance> least;
  for (const Lineage& lineage : book.lineages) {
    for (const Right& right : lineage.rights) {
      const FirstRefusal& clause = MatchingOf(*account.Find(right.clause));
      if (!least) least = Tolerance{clause.price_tolerance_ppm, clause.start_tolerance};
      least->price_ppm = std::min(least->price_ppm, clause.price_tolerance_ppm);
      least->start = std::min(least->start, clause.start_tolerance);
    }
  }
  return least.value_or(Tolerance{});
}

Change ChangeOf(const Request& before, const Request& after, const Tolerance& tolerance) {
  Change change;
  const auto compare = [&](std::string name, std::string was, std::string is) {
    if (was == is) return;
    change.material = true;
    change.figures.push_back({std::move(name), std::move(is), std::move(was)});
  };
  const Terms &old = before.terms, &now = after.terms;
  compare("resource_type", old.resource_type, now.resource_type);
  compare("region", old.region, now.region);
  compare("unit", old.unit, now.unit);
  compare("currency", std::string(old.unit_price.currency.view()),
          std::string(now.unit_price.currency.view()));
  compare("quantity", Cat(old.quantity), Cat(now.quantity));
  compare("splittable", before.splittable ? "true" : "false", after.splittable ? "true" : "false");
  compare("smallest_useful_quantity", Cat(before.smallest_useful), Cat(after.smallest_useful));
  compare("renewal", before.renewal ? "true" : "false", after.renewal ? "true" : "false");
  if (before.segments != after.segments && old.quantity == now.quantity)
    compare("segments", "others", "these");
  if (!change.material) {  // Better or worse for whoever was asked, past the tolerance, is another
                           // thing.
    const std::vector<TermDifference> there = CompareTerms(old, now, tolerance);
    const std::vector<TermDifference> back = CompareTerms(now, old, tolerance);
    for (const TermDifference& difference : there) {
      change.material |= difference.material;
      if (difference.differs) change.figures.push_back(difference.figure);
    }
    for (const TermDifference& difference : back) change.material |= difference.material;
  }
  Terms same_lot = now;
  same_lot.quantity = old.quantity;
  change.offered = !(same_lot == old);
  Request unlabelled = after;
  unlabelled.labels = before.labels;
  unlabelled.version = before.version;
  change.labels_only = unlabelled == before;
  return change;
}

// How much of each segment stands somewhere: lineages fill theirs in their order.
std::vector<int64_t> PlacedOf(const RequestBook& book) {
  std::vector<int64_t> placed(book.request->segments.size());
  for (const Lineage& lineage : book.lineages) {
    int64_t left = lineage.quantity - lineage.remaining;
    for (const uint32_t segment : lineage.segments) {
      if (segment >= placed.size()) continue;
      const int64_t part =
          std::min(left, book.request->segments[segment].quantity - placed[segment]);
      placed[segment] += part;
      left -= part;
    }
  }
  return placed;
}

// A part of the request that stands keeps its use; the rest may grow or shrink.
absl::Status CheckKept(const Request& before, const Request& after,
                       const std::vector<int64_t>& placed) {
  if (std::all_of(placed.begin(), placed.end(), [](int64_t n) { return n == 0; }))
    return absl::OkStatus();
  if (before.segments.size() != after.segments.size()) {
    return Invalid(
        "segments", Cat(after.segments.size(), " of them"),
        Cat("the ", before.segments.size(), " there are: a part of the request stands already"));
  }
  for (size_t i = 0; i < placed.size(); ++i) {
    const Segment &was = before.segments[i], &is = after.segments[i];
    const std::string at = Cat("segments[", i, "]");
    if (was.workload_class != is.workload_class)
      return Invalid(at + ".workload_class", is.workload_class, was.workload_class);
    if (was.purpose != is.purpose) return Invalid(at + ".purpose", is.purpose, was.purpose);
    if (is.quantity < placed[i])
      return Invalid(at + ".quantity", Cat(is.quantity),
                     Cat("at least the ", placed[i], " that stand"));
  }
  return absl::OkStatus();
}

// Units of waivers that are about to be drawn again.
std::vector<WaiverUse> CreditOf(const RequestBook& book) {
  std::vector<WaiverUse> credit;
  for (const Lineage& lineage : book.lineages) {
    for (const WaiverUse& use : CreditOf(lineage)) credit.push_back(use);
  }
  return credit;
}

class Amendment {
 public:
  Amendment(Rounds& rounds, const Account& account) : rounds_(rounds), account_(account) {}

  // What is open of the old version ends.
  void Supersede() {
    for (size_t i = 0; i < rounds_.request().offers.size(); ++i) {
      const Offer offer = rounds_.request().offers[i];
      const bool is_chosen =
          rounds_.request().lineages[offer.lineage - 1].candidate == offer.number || offer.standby;
      if (offer.state == OfferState::kOpen && !offer.standby) {
        rounds_.Supersede(offer.number, "AMENDED");
      } else if (is_chosen && offer.state != OfferState::kLapsed) {
        Decision lost = Rounds::About(Kind::BID_LOST, offer);
        lost.reason = "AMENDED";
        rounds_.Add(std::move(lost));
      }
    }
  }

  // Each open offer whose terms change goes on with the new ones, unless the owner does not pay its
  // price any more. A match is of a bid's terms, which stay.
  void Renew() {
    const size_t count = rounds_.request().offers.size();
    for (size_t i = 0; i < count; ++i) {
      const Offer offer = rounds_.request().offers[i];
      if (offer.state != OfferState::kOpen || offer.standby || offer.kind == OfferKind::kMatch)
        continue;
      const bool is_dear = rounds_.IsAboveCap(offer.number);
      if (!is_dear && !rounds_.IsOutdated(offer.number)) continue;
      rounds_.Supersede(offer.number, is_dear ? "PRICE_CAP" : "AMENDED");
      if (is_dear || rounds_.request().IsExchange(offer)) continue;
      const Span least =
          offer.clause.IsSet() ? AskingOf(*account_.Find(offer.clause))->min_remaining : Span{};
      rounds_.OpenSuccessor(offer.number, least);
    }
  }

  // What stands keeps its terms until its provider agrees to the new ones.
  void AskForConsent() {
    const size_t count = rounds_.request().offers.size();
    for (size_t i = 0; i < count; ++i) {
      const Offer offer = rounds_.request().offers[i];
      if (IsStanding(offer.allocation) && !offer.withdraws.IsSet())
        rounds_.OpenExchange(offer.number);
    }
  }

 private:
  Rounds& rounds_;
  const Account& account_;
};

}  // namespace

absl::StatusOr<Verdict> Deciding::On(const AmendRequest& amend) const {
  if (absl::Status status = CheckActor(Role::kOwner); !status.ok()) return status;
  const absl::StatusOr<const RequestBook*> found = FindRequest(amend.request);
  if (!found.ok()) return found.status();
  const RequestBook& request = **found;
  const Request& before = *request.request;
  Request next = amend.next;
  next.id = before.id;
  if (next.version == 0) next.version = before.version + 1;
  Request unchanged = next;
  unchanged.version = before.version;
  if (unchanged == before) return Verdict{};
  if (IsFinished(request.state)) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "REQUEST_FINISHED",
                  Cat("the request is ", NameOf(request.state), " since ", Format(request.updated)),
                  {{"state", std::string(NameOf(request.state))}});
  }
  if (next.version != before.version + 1) {
    return Refuse(absl::StatusCode::kAborted, "VERSION_CONFLICT",
                  Cat("version: got ", next.version, ", want ", before.version + 1,
                      ": the request was amended meanwhile"),
                  {{"next_version", Cat(before.version + 1)}});
  }
  if (absl::Status status = Validate(next, directory, now); !status.ok()) return status;
  for (const Offer& offer : request.offers) {  // R3: never shorten it.
    if (offer.state == OfferState::kOpen && !offer.standby && next.expiry < offer.deadline) {
      return Invalid("expire_time", Format(next.expiry),
                     Cat("a time not before ", Format(offer.deadline), ", the deadline of offer ",
                         offer.number));
    }
  }
  const std::vector<int64_t> placed = PlacedOf(request);
  if (absl::Status status = CheckKept(before, next, placed); !status.ok()) return status;

  const Change change = ChangeOf(before, next, LeastTolerance(request, book.account));
  Routing routing;
  const std::vector<WaiverUse> credit = CreditOf(request);
  if (change.material) {
    std::vector<int64_t> todo;
    for (size_t i = 0; i < next.segments.size(); ++i)
      todo.push_back(next.segments[i].quantity - (i < placed.size() ? placed[i] : 0));
    absl::StatusOr<Routing> routed =
        RouteRequest(next, todo, WithCredit(book.account, credit), now);
    if (!routed.ok()) return routed.status();
    if (absl::Status status = CheckFeasible(next, *routed, book.account, now); !status.ok())
      return status;
    routing = *std::move(routed);
  }

  Rounds rounds(book, directory, &request, now);
  Amendment amendment(rounds, book.account);
  Decision amended{.kind = Kind::REQUEST_AMENDED};
  amended.quantity = next.terms.quantity;
  amended.request = std::make_shared<const Request>(std::move(next));
  rounds.Add(std::move(amended));
  Decision changed{.kind = change.material ? Kind::MATERIAL_CHANGE : Kind::IMMATERIAL_CHANGE};
  changed.figures = change.figures;
  if (change.labels_only) changed.reason = "LABELS";
  if (change.material) amendment.Supersede();
  rounds.Add(std::move(changed));
  if (change.material) {
    rounds.AddRoutes(routing, 0, credit);
  } else {
    amendment.Renew();
  }
  if (change.offered) amendment.AskForConsent();
  rounds.Advance();
  return rounds.Conclude();
}

}  // namespace capbroker
