#include "broker/plan.h"

#include <algorithm>
#include <utility>

#include "broker/decide.h"
#include "broker/fold.h"

namespace capbroker {
namespace {

// Decides on a book of its own and folds what was decided.
absl::StatusOr<std::vector<Decision>> Step(Book& book, const Directory& directory, const Command& command,
                                           const RequestId& request, Instant now) {
  absl::StatusOr<Verdict> verdict = Decide(book, directory, command, now);
  if (!verdict.ok()) return verdict.status();
  Fold(book, Act{.owner = book.owner,
                 .sequence = book.sequence + 1,
                 .time = now,
                 .actor = command.actor,
                 .request = request,
                 .decisions = verdict->decisions});
  return std::move(verdict->decisions);
}

}  // namespace

absl::StatusOr<Plan> PlanRequest(const OwnerId& owner, const Request& request, const Account& account,
                                 const Directory& directory, Instant now) {
  Book book;
  book.owner = owner;
  book.account = account;
  const Actor asker{Role::kOwner, owner.value};
  absl::StatusOr<std::vector<Decision>> decisions =
      Step(book, directory, {owner, asker, CreateRequest{request}}, request.id, now);
  if (!decisions.ok()) return decisions.status();

  Plan plan{.time = now};
  for (const Decision& d : *decisions) {
    if (d.kind == Kind::WAIVER_TESTED) plan.waiver_tests.push_back(d);
    if (d.kind == Kind::ROUTE_EXCLUSIVE || d.kind == Kind::ROUTE_FIRST_REFUSAL ||
        d.kind == Kind::ROUTE_WAIVED || d.kind == Kind::ROUTE_OPEN) {
      plan.lineages.push_back({.lineage = {}, .passed = d.passed, .steps = {}});
    }
  }
  // Nobody answers: each deadline passes in turn until nothing is open.
  const RequestBook* planned = book.Find(request.id);
  for (Instant at = now; !IsFinished(planned->state) && planned->state != RequestState::kBlocked;) {
    at = planned->NextDeadline() + Span{1};
    decisions =
        Step(book, directory, {owner, {Role::kBroker, ""}, ReachDeadline{request.id}}, request.id, at);
    if (!decisions.ok()) return decisions.status();
  }
  Span longest;
  for (PlannedLineage& lineage : plan.lineages) {
    lineage.lineage = planned->lineages[static_cast<size_t>(&lineage - plan.lineages.data())];
    Span windows;
    for (const Offer& offer : planned->offers) {
      if (offer.lineage != lineage.lineage.number) continue;
      lineage.steps.push_back({offer, TermsOf(request, offer), now, offer.deadline});
      if (offer.clause.IsSet()) windows = windows + (offer.deadline - offer.opened);
    }
    longest = std::max(longest, windows);
  }
  if (longest > Span{}) plan.latest_submit = std::min(request.needed_by, request.expiry) - longest;
  return plan;
}

}  // namespace capbroker
