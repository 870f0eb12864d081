// R13: the owner changes what it asks for.
#include <algorithm>
#include <utility>

#include "broker/deciding/deciding.h"
#include "broker/deciding/request_draft.h"
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

// What a change is held against: the terms on which a right's holder was last given a full window
// or, where it was given none, those it was routed on; and what the clause allows (R13).
struct Baseline {
  Terms terms{};
  Tolerance allowed{};
};

std::vector<Baseline> BaselinesOf(const RequestBook& book, const Account& account) {
  std::vector<Baseline> baselines;
  // Where an earlier amendment closed every lineage, all of it is placed, and what was asked then
  // is what counts still.
  const bool all_closed =
      std::all_of(book.lineages.begin(), book.lineages.end(),
                  [](const Lineage& lineage) { return lineage.stage == Lineage::Stage::kClosed; });
  for (const Lineage& lineage : book.lineages) {
    if (lineage.stage == Lineage::Stage::kClosed && !all_closed) continue;
    const Terms& routed = book.versions[lineage.version - 1]->terms;
    if (lineage.rights.empty()) baselines.push_back({routed, {}});
    for (const Right& right : lineage.rights) {
      const FirstRefusal& clause = MatchingOf(*account.Find(right.clause));
      Baseline baseline{routed, {clause.price_tolerance_ppm, clause.start_tolerance}};
      for (const Offer& offer : book.offers) {
        if (offer.lineage == lineage.number && offer.clause == right.clause && !offer.continues &&
            offer.matches == 0 && !book.IsExchange(offer))
          baseline.terms = book.VersionOf(offer).terms;
      }
      baselines.push_back(std::move(baseline));
    }
  }
  return baselines;
}

Change ChangeOf(const Request& before, const Request& after,
                const std::vector<Baseline>& baselines) {
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
  Terms same_lot = now;
  same_lot.quantity = old.quantity;
  change.offered = !(same_lot == old);
  if (!change.material && change.offered) {
    // Better or worse for whoever was asked, past the tolerance, is another thing.
    for (const Baseline& baseline : baselines) {
      bool material = false;
      std::vector<Figure> figures;
      for (const TermDifference& difference : CompareTerms(baseline.terms, now, baseline.allowed)) {
        material |= difference.material;
        if (difference.differs) figures.push_back(difference.figure);
      }
      for (const TermDifference& difference : CompareTerms(now, baseline.terms, baseline.allowed))
        material |= difference.material;
      if (change.figures.empty() || (material && !change.material))
        change.figures = std::move(figures);
      change.material |= material;
    }
  }
  Request unlabelled = after;
  unlabelled.labels = before.labels;
  unlabelled.version = before.version;
  change.labels_only = unlabelled == before;
  return change;
}

// How much of each segment stands somewhere.
std::vector<int64_t> PlacedOf(const RequestBook& book) {
  std::vector<int64_t> placed(book.request->segments.size());
  for (const Offer& offer : book.offers) {
    for (const SegmentUnits& units : offer.allocation.segments)
      placed[units.segment] += units.quantity;
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

// What is open of the old version ends, and whoever was chosen or kept is told.
void SupersedeAll(RequestDraft& draft) {
  for (uint32_t i = 1; i <= draft.request().offers.size(); ++i) {
    const Offer& offer = *draft.request().Find(i);
    if (offer.IsUnanswered()) {
      draft.Supersede(i, "AMENDED");
    } else if (offer.promise != Promise::kNone) {
      draft.Lose(i, "AMENDED");
    }
  }
}

// Each open offer whose terms change goes on with the new ones, unless the owner does not pay its
// price any more. A match is of a bid's terms, which stay. Of what is held already nothing is left
// to ask; its holder is asked for consent.
void Renew(RequestDraft& draft) {
  const size_t count = draft.request().offers.size();
  for (uint32_t i = 1; i <= count; ++i) {
    const Offer offer = *draft.request().Find(i);
    if (!offer.IsUnanswered() || offer.matches != 0) continue;
    const bool is_exchange = draft.request().IsExchange(offer);
    const bool is_idle =
        !is_exchange && draft.request().lineages[offer.lineage - 1].units.Unplaced() == 0;
    const bool is_dear = draft.IsAboveCap(i);
    if (is_idle || (!is_dear && !draft.IsOutdated(i))) continue;
    draft.Supersede(i, is_dear ? "PRICE_CAP" : "AMENDED");
    if (is_dear || is_exchange) continue;
    const Span least = offer.clause.IsSet()
                           ? AskingOf(*draft.account().Find(offer.clause))->min_remaining
                           : Span{};
    draft.OpenSuccessor(i, least);
  }
}

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
    if (offer.IsUnanswered() && next.expiry < before.expiry && next.expiry < offer.deadline) {
      return Invalid("expire_time", Format(next.expiry),
                     Cat("a time not before ", Format(offer.deadline), ", the deadline of offer ",
                         offer.number));
    }
  }
  const std::vector<int64_t> placed = PlacedOf(request);
  if (absl::Status status = CheckKept(before, next, placed); !status.ok()) return status;

  const Change change = ChangeOf(before, next, BaselinesOf(request, book.account));
  SegmentList todo;
  for (uint32_t i = 0; i < next.segments.size(); ++i) {
    const int64_t units = next.segments[i].quantity - (i < placed.size() ? placed[i] : 0);
    if (units > 0) todo.push_back({i, units});
  }

  RequestDraft draft(book, directory, &request, now);
  Decision amended{.kind = Kind::REQUEST_AMENDED};
  amended.quantity = next.terms.quantity;
  amended.request = std::make_shared<const Request>(next);
  draft.Add(std::move(amended));
  Decision changed{.kind = change.material ? Kind::MATERIAL_CHANGE : Kind::IMMATERIAL_CHANGE};
  changed.figures = change.figures;
  if (change.labels_only) changed.reason = "LABELS";
  if (!change.material) {
    draft.Add(std::move(changed));
    if (change.labels_only) return draft.Conclude();  // R13: labels change nothing.
    Renew(draft);
  } else {
    SupersedeAll(draft);
    draft.RestoreWaivers();
    draft.Add(std::move(changed));
    const Routing routing = RouteRequest(next, todo, draft.account(), now, {});
    if (absl::Status status = CheckRoutable(routing); !status.ok()) return status;
    if (absl::Status status = CheckFeasible(next, routing, draft.account(), now); !status.ok())
      return status;
    draft.AddRoutes(routing, 0);
  }
  draft.Advance();
  return draft.Conclude();
}

}  // namespace capbroker
