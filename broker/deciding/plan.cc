#include "broker/deciding/plan.h"

#include <algorithm>
#include <utility>

#include "broker/deciding/decide.h"
#include "broker/routing/feasible.h"
#include "broker/trail/dues.h"
#include "broker/trail/fold.h"
#include "broker/values/calendar.h"

namespace capbroker {
namespace {

// Decides on a book of its own and folds what was decided.
absl::StatusOr<std::vector<Decision>> Step(Book& book, const Directory& directory,
                                           const Command& command, const RequestId& request,
                                           Instant now) {
  absl::StatusOr<Verdict> verdict = Decide(book, directory, command, now);
  if (!verdict.ok()) return verdict.status();
  const absl::Status folded = Fold(book, Act{.owner = book.owner,
                                             .sequence = book.sequence + 1,
                                             .time = now,
                                             .actor = command.actor,
                                             .request = request,
                                             .decisions = verdict->decisions});
  if (!folded.ok()) return folded;
  return std::move(verdict->decisions);
}

// Nobody answers: each deadline passes in turn until nothing is open.
absl::Status PassTime(Book& book, const Directory& directory, const RequestId& id, Instant now) {
  for (Instant at = now;;) {
    const RequestBook& planned = *book.Find(id);
    if (IsFinished(planned.state) || planned.state == RequestState::kBlocked) break;
    const Instant next = DueTime(book.account, planned);
    if (next == kLastInstant) break;
    at = std::max(at, next + Span{1});
    const auto decisions =
        Step(book, directory, {book.owner, {Role::kBroker, ""}, ReachDeadline{id}}, id, at);
    if (!decisions.ok()) return decisions.status();
    if (decisions->empty()) break;
  }
  return absl::OkStatus();
}

Instant LatestSubmitOf(const RequestBook& request, const Account& account) {
  Routing routing;
  for (const Lineage& lineage : request.lineages) {
    if (lineage.units.Total() == 0) continue;
    Route& route = routing.routes.emplace_back();
    route.kind = lineage.route;
    for (const Right& right : lineage.rights) route.clauses.push_back(right.clause);
  }
  const Instant latest = LatestSubmit(*request.request, routing, account);
  return latest == kLastInstant ? Instant{} : latest;
}

// R3. How long the holder has to answer an offer of this kind.
const Window& WindowOf(const Clause& clause, OfferKind kind) {
  if (kind == OfferKind::kMatch) return MatchingOf(clause).MatchWindow();
  if (kind == OfferKind::kReoffer) return MatchingOf(clause).ReofferWindow();
  return AskingOf(clause)->window;
}

// The plan that `book` holds after time has passed. `acts` are those that led there.
Plan Collect(const Book& book, const RequestBook& planned, const std::vector<Decision>& decisions,
             Instant now) {
  Plan plan{.time = now};
  for (const Lineage& lineage : planned.lineages)
    plan.lineages.push_back({.lineage = lineage, .passed = {}, .steps = {}});
  for (const Decision& d : decisions) {
    if (d.kind == Kind::WAIVER_TESTED || d.kind == Kind::AGGREGATION_APPLIED)
      plan.tests.push_back(d);
    const bool routes = d.kind == Kind::ROUTE_EXCLUSIVE || d.kind == Kind::ROUTE_FIRST_REFUSAL ||
                        d.kind == Kind::ROUTE_WAIVED || d.kind == Kind::ROUTE_OPEN;
    if (routes) plan.lineages[d.lineage - 1].passed = d.passed;
  }
  for (const Offer& offer : planned.offers) {
    PlannedStep step{
        offer, TermsOf(planned, offer), std::max(now, offer.opened), offer.deadline, {}};
    if (offer.opened > now) step.earliest_open = now;
    if (offer.clause.IsSet()) {
      const AgreementVersion& version =
          *book.account.Find(offer.clause.agreement, offer.clause.version);
      const Calendar* calendar = CalendarOf(version, *FindClause(version, offer.clause.clause));
      const Window& window = WindowOf(*FindClause(version, offer.clause.clause), offer.kind);
      if (calendar != nullptr && window.days > 0) {
        step.counted =
            ExplainWindow(calendar, offer.opened,
                          Window::BusinessDays(CountedDays(calendar, offer.opened, offer.deadline),
                                               window.closing_minute));
      } else if (calendar != nullptr) {
        step.counted =
            ExplainWindow(calendar, offer.opened, Counted(calendar, offer.opened, offer.deadline));
      }
    }
    plan.lineages[offer.lineage - 1].steps.push_back(std::move(step));
  }
  // What an amendment has closed, with nothing left of it, is no part of the plan.
  std::erase_if(plan.lineages, [](const auto& planned_lineage) {
    return planned_lineage.lineage.units.Total() == 0;
  });
  plan.latest_submit = LatestSubmitOf(planned, book.account);
  return plan;
}

}  // namespace

absl::StatusOr<Plan> PlanRequest(const OwnerId& owner, const Request& request,
                                 const Account& account, const Directory& directory, Instant now) {
  Book book;
  book.owner = owner;
  book.account = account;
  const absl::StatusOr<std::vector<Decision>> decisions =
      Step(book, directory, {owner, {Role::kOwner, owner.value}, CreateRequest{request}},
           request.id, now);
  if (!decisions.ok()) return decisions.status();
  if (absl::Status status = PassTime(book, directory, request.id, now); !status.ok()) return status;
  return Collect(book, *book.Find(request.id), *decisions, now);
}

absl::StatusOr<Plan> Explain(const OwnerId& owner, const RequestBook& request,
                             const std::vector<Act>& acts, const Account& account,
                             const Directory& directory, const std::vector<Command>& what_if,
                             Instant now) {
  Book book;
  book.owner = owner;
  book.time = now;
  Put(book, account);
  Put(book, std::make_unique<RequestBook>(request));
  const RequestId id = request.request->id;
  std::vector<Decision> decisions;
  for (const Act& act : acts)
    decisions.insert(decisions.end(), act.decisions.begin(), act.decisions.end());
  for (const Command& command : what_if) {
    const RequestId subject = Subject(command);
    const auto decided = Step(book, directory, command, subject, now);
    if (!decided.ok()) return decided.status();
    if (subject == id) decisions.insert(decisions.end(), decided->begin(), decided->end());
  }
  if (absl::Status status = PassTime(book, directory, id, now); !status.ok()) return status;
  return Collect(book, *book.Find(id), decisions, now);
}

}  // namespace capbroker
