// The owner's commands about a request, and what time does to it.
#include <algorithm>
#include <utility>

#include "broker/deciding/deciding.h"
#include "broker/deciding/rounds.h"
#include "broker/deciding/validate.h"
#include "broker/routing/feasible.h"
#include "broker/routing/route.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {

absl::StatusOr<Verdict> Deciding::On(const CreateRequest& create) const {
  if (absl::Status status = CheckActor(Role::kOwner); !status.ok()) return status;
  if (absl::Status status = Validate(create.request, directory, now); !status.ok()) return status;
  if (book.Find(create.request.id) != nullptr) {
    return Refuse(absl::StatusCode::kAlreadyExists, "ALREADY_EXISTS",
                  Cat("request ", Format(create.request.id), " exists"));
  }
  const absl::StatusOr<Routing> routing = RouteRequest(create.request, book.account, now);
  if (!routing.ok()) return routing.status();
  if (absl::Status status = CheckFeasible(create.request, *routing, book.account, now);
      !status.ok())
    return status;

  Rounds rounds(book, directory, nullptr, now);
  Decision received{.kind = Kind::REQUEST_RECEIVED};
  received.quantity = create.request.terms.quantity;
  received.request = std::make_shared<const Request>(create.request);
  rounds.Add(std::move(received));
  rounds.AddRoutes(*routing, 0, {});
  rounds.Advance();
  return rounds.Conclude();
}

// R28: always answered; what was recorded first stands.
absl::StatusOr<Verdict> Deciding::On(const CancelRequest& cancel) const {
  if (absl::Status status = CheckActor(Role::kOwner); !status.ok()) return status;
  const absl::StatusOr<const RequestBook*> found = FindRequest(cancel.request);
  if (!found.ok()) return found.status();
  const RequestBook& request = **found;
  if (request.state == RequestState::kCancelled) return Verdict{};
  if (IsFinished(request.state)) {
    const bool placed = request.Standing() > 0;
    return Refuse(placed ? absl::StatusCode::kAborted : absl::StatusCode::kFailedPrecondition,
                  placed ? "ALREADY_PLACED" : "REQUEST_FINISHED",
                  Cat("the request is ", NameOf(request.state), " since ", Format(request.updated)),
                  {{"state", std::string(NameOf(request.state))}});
  }
  Rounds rounds(book, directory, &request, now);
  rounds.RescindOffers("CANCELLED");
  rounds.EndHolds(Kind::ALLOCATION_RELEASED, "CANCELLED");
  Decision cancelled{.kind = Kind::REQUEST_CANCELLED};
  cancelled.text = cancel.text;
  rounds.Add(std::move(cancelled));
  return rounds.Conclude();
}

absl::StatusOr<Verdict> Deciding::On(const ReachDeadline& deadline) const {
  if (absl::Status status = CheckActor(Role::kBroker); !status.ok()) return status;
  if (!deadline.request.IsSet()) {  // An agreement's term.
    Verdict verdict;
    for (const auto& version : book.account.agreements) {
      const Instant end = EndOf(*version);
      const std::pair key(version->agreement, version->version);
      const std::vector<std::pair<AgreementId, uint32_t>>& ended = book.account.ended;
      if (!end.IsSet() || now < end || std::find(ended.begin(), ended.end(), key) != ended.end())
        continue;
      for (const Clause& clause : version->clauses) {
        Decision over{.kind = Kind::CLAUSE_ENDED};
        over.clause = RefOf(*version, clause);
        over.provider = version->holder;
        over.until = end;
        over.reason = "TERM";
        verdict.decisions.push_back(std::move(over));
      }
    }
    for (Decision& due : TriggersDue(book.account)) verdict.decisions.push_back(std::move(due));
    return verdict;
  }
  const RequestBook* request = book.Find(deadline.request);
  if (request == nullptr || IsFinished(request->state)) return Verdict{};
  Rounds rounds(book, directory, request, now);
  rounds.EndWhatIsOver();
  if (now <= request->request->expiry || !rounds.request().IsInPlay()) {
    rounds.Advance();
    return rounds.Conclude();
  }
  // Expired: what was placed stands, each part being of use by itself (Request::smallest_useful);
  // the rest ends.
  rounds.RescindOffers("EXPIRED");
  rounds.ConfirmHolds();
  rounds.EndHolds(Kind::ALLOCATION_EXPIRED, "EXPIRED");
  Decision end{.kind = rounds.request().Standing() > 0 ? Kind::REQUEST_PARTIALLY_FULFILLED
                                                       : Kind::REQUEST_EXPIRED};
  end.quantity = rounds.request().Standing();
  end.reason = "EXPIRED";
  end.passed = rounds.Reasons();
  rounds.Add(std::move(end));
  return rounds.Conclude();
}

absl::StatusOr<Verdict> Deciding::On(const Resume& resume) const {
  if (absl::Status status = CheckActor(Role::kBroker); !status.ok()) return status;
  const Span downtime = std::max(now - resume.down_since, Span{});
  if (!resume.request.IsSet()) {
    Verdict verdict;
    // Each is on the list.
    const size_t unfinished = book.deadlines.size() - (book.account_listed == kLastInstant ? 0 : 1);
    if (unfinished > 0) {
      Decision resumed{.kind = Kind::RECOVERY_RESUMED};
      resumed.quantity = static_cast<int64_t>(unfinished);
      resumed.downtime = downtime;
      verdict.decisions.push_back(std::move(resumed));
    }
    return verdict;
  }
  const RequestBook* request = book.Find(resume.request);
  if (request == nullptr) return Verdict{};
  Rounds rounds(book, directory, request, now);
  for (const Offer& offer : request->offers) {
    if (offer.state != OfferState::kOpen || !offer.clause.IsSet()) continue;
    // R22: what was left of the window when the outage began, or when the offer opened in it, is
    // left now; what was given back already, by a recovery that was itself cut short, is not given
    // twice.
    const Instant from = std::max({resume.down_since, offer.opened, offer.tolled});
    if (offer.deadline < from) continue;
    const AgreementVersion& version =
        *book.account.Find(offer.clause.agreement, offer.clause.version);
    const Clause& clause = *FindClause(version, offer.clause.clause);
    const Calendar* calendar = CalendarOf(version, clause);
    const Span toll_over = AskingOf(clause)->toll_over;
    const Instant deadline = AddWindow(calendar, now, Counted(calendar, from, offer.deadline));
    const bool is_long = toll_over != Span{} && std::min(now, offer.deadline) - from > toll_over;
    if (!is_long || deadline <= offer.deadline) continue;
    Decision tolled = Rounds::About(Kind::DEADLINE_TOLLED, offer);
    tolled.clause = offer.clause;
    tolled.deadline = deadline;
    tolled.downtime = now - from;
    rounds.Add(std::move(tolled));
  }
  return rounds.Conclude();
}

std::vector<RequestId> RequestsToToll(const Book& book, Instant down_since, Instant now) {
  std::vector<RequestId> out;
  const auto is_long_for = [&](const Clause& clause) {
    const Asking* asking = AskingOf(clause);
    return asking != nullptr && asking->toll_over != Span{} && now - down_since > asking->toll_over;
  };
  if (std::none_of(
          book.account.agreements.begin(), book.account.agreements.end(), [&](const auto& version) {
            return std::any_of(version->clauses.begin(), version->clauses.end(), is_long_for);
          })) {
    return out;
  }
  for (const auto& [id, filed] : book.requests) {
    const auto request = filed.Read();
    for (const Offer& offer : request->offers) {
      if (offer.state != OfferState::kOpen || !offer.clause.IsSet()) continue;
      if (!is_long_for(*book.account.Find(offer.clause))) continue;
      out.push_back(id);
      break;
    }
  }
  std::sort(out.begin(), out.end());  // The same order every time.
  return out;
}

}  // namespace capbroker
