// The owner's commands about a request, and what time does to it.
#include <algorithm>
#include <utility>

#include "broker/deciding.h"
#include "broker/refusal.h"
#include "broker/rounds.h"
#include "broker/route.h"
#include "broker/text.h"
#include "broker/validate.h"

namespace capbroker {
namespace {

// R25: every right is asked for its whole window, one after the other, before the request is needed.
absl::Status CheckFeasible(const Request& request, const Routing& routing, const Account& account,
                           Instant now) {
  Span longest;
  for (const Route& route : routing.routes) {
    Span windows;
    if (route.kind == Kind::ROUTE_EXCLUSIVE || route.kind == Kind::ROUTE_FIRST_REFUSAL) {
      for (const ClauseRef& ref : route.clauses) windows = windows + account.Find(ref)->window;
    }
    longest = std::max(longest, windows);
  }
  const Instant by = std::min(request.needed_by, request.expiry);
  if (now + longest <= by) return absl::OkStatus();
  return Refuse(absl::StatusCode::kFailedPrecondition, "REQUEST_TOO_URGENT",
                Cat("the windows that rights-holders have take ", Format(longest), ", and ", Format(by),
                    " comes before; the latest safe submit time was ", Format(by - longest)),
                {{"latest_safe_submit_time", Format(by - longest)}, {"server_time", Format(now)}});
}

bool IsUnfinished(const RequestBook& request) { return !IsFinished(request.state); }

}  // namespace

absl::StatusOr<Verdict> Deciding::On(const CreateRequest& create) const {
  if (absl::Status status = CheckActor(Role::kOwner); !status.ok()) return status;
  if (absl::Status status = Validate(create.request, directory, now); !status.ok()) return status;
  if (book.Find(create.request.id) != nullptr) {
    return Refuse(absl::StatusCode::kAlreadyExists, "ALREADY_EXISTS",
                  Cat("request ", Format(create.request.id), " exists"));
  }
  const absl::StatusOr<Routing> routing = RouteRequest(create.request, book.account, now);
  if (!routing.ok()) return routing.status();
  if (absl::Status status = CheckFeasible(create.request, *routing, book.account, now); !status.ok())
    return status;

  Rounds rounds(book, directory, nullptr, now);
  Decision received{.kind = Kind::REQUEST_RECEIVED};
  received.quantity = create.request.terms.quantity;
  received.request = std::make_shared<const Request>(create.request);
  rounds.Add(std::move(received));
  rounds.AddRoutes(*routing);
  rounds.Advance();
  return Verdict{rounds.Take(), {}};
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
  rounds.ReleaseHolds("CANCELLED");
  Decision cancelled{.kind = Kind::REQUEST_CANCELLED};
  cancelled.text = cancel.text;
  rounds.Add(std::move(cancelled));
  return Verdict{rounds.Take(), {}};
}

// R21: what was drawn for time not yet used is restored.
absl::StatusOr<Verdict> Deciding::On(const ReleaseAllocation& release) const {
  if (absl::Status status = CheckActor(Role::kOwner); !status.ok()) return status;
  const absl::StatusOr<const RequestBook*> found = FindRequest(release.request);
  if (!found.ok()) return found.status();
  const Offer* offer = (*found)->Find(release.offer);
  if (offer == nullptr || offer->allocation == AllocationState::kNone) {
    return Refuse(absl::StatusCode::kNotFound, "NOT_FOUND",
                  Cat("no allocation ", release.offer, " of request ", Format(release.request)));
  }
  if (offer->allocation == AllocationState::kReleased) return Verdict{};
  if (offer->allocation != AllocationState::kConfirmed) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "ALLOCATION_NOT_CONFIRMED",
                  Cat("allocation ", release.offer, " is ", NameOf(offer->allocation),
                      ", want CONFIRMED; cancel the request to give up what is held"),
                  {{"state", std::string(NameOf(offer->allocation))}});
  }
  Rounds rounds(book, directory, *found, now);
  Decision released{.kind = Kind::ALLOCATION_RELEASED};
  released.offer = offer->number;
  released.provider = offer->provider;
  released.quantity = offer->accepted;
  released.reason = "OWNER";
  released.text = release.text;
  rounds.Add(std::move(released));
  const Terms& terms = (*found)->request->terms;
  const Span unused = terms.end - std::clamp(now, terms.start, terms.end);
  const auto restored = static_cast<int64_t>(static_cast<__int128>(offer->committed.micros) * unused.micros /
                                             (terms.end - terms.start).micros);
  if (restored > 0) {
    Decision back{.kind = Kind::COMMITMENT_RESTORED};
    back.offer = offer->number;
    back.provider = offer->provider;
    back.clause = offer->commitment;
    back.amount = {restored, offer->committed.currency};
    rounds.Add(std::move(back));
  }
  return Verdict{rounds.Take(), {}};
}

absl::StatusOr<Verdict> Deciding::On(const ReachDeadline& deadline) const {
  if (absl::Status status = CheckActor(Role::kBroker); !status.ok()) return status;
  if (!deadline.request.IsSet()) {  // An agreement's term.
    Verdict verdict;
    for (const auto& version : book.account.agreements) {
      const Instant end = EndOf(*version);
      const std::pair key(version->agreement, version->version);
      const std::vector<std::pair<AgreementId, uint32_t>>& ended = book.account.ended;
      if (!end.IsSet() || now < end || std::find(ended.begin(), ended.end(), key) != ended.end()) continue;
      for (const Clause& clause : version->clauses) {
        Decision over{.kind = Kind::CLAUSE_ENDED};
        over.clause = RefOf(*version, clause);
        over.provider = version->holder;
        over.until = end;
        over.reason = "TERM";
        verdict.decisions.push_back(std::move(over));
      }
    }
    return verdict;
  }
  const RequestBook* request = book.Find(deadline.request);
  if (request == nullptr || IsFinished(request->state)) return Verdict{};
  Rounds rounds(book, directory, request, now);
  for (const Offer& offer : request->offers) {
    if (offer.state != OfferState::kOpen || now <= offer.deadline)
      continue;  // R4: the instant itself is timely.
    Decision lapsed{.kind = Kind::OFFER_LAPSED};
    lapsed.lineage = offer.lineage;
    lapsed.offer = offer.number;
    lapsed.provider = offer.provider;
    lapsed.deadline = offer.deadline;
    rounds.Add(std::move(lapsed));
    rounds.EndRight(offer.number, "SILENCE");  // R5.
  }
  if (now <= request->request->expiry) {
    rounds.Advance();
    return Verdict{rounds.Take(), {}};
  }
  // Expired: what was placed stands, each part being of use by itself (Request::smallest_useful); the rest
  // ends.
  rounds.RescindOffers("EXPIRED");
  rounds.ConfirmHolds();
  Decision end{.kind = rounds.request().Standing() > 0 ? Kind::REQUEST_PARTIALLY_FULFILLED
                                                       : Kind::REQUEST_EXPIRED};
  end.quantity = rounds.request().Standing();
  end.reason = "EXPIRED";
  end.passed = rounds.Reasons();
  rounds.Add(std::move(end));
  return Verdict{rounds.Take(), {}};
}

absl::StatusOr<Verdict> Deciding::On(const Resume& resume) const {
  if (absl::Status status = CheckActor(Role::kBroker); !status.ok()) return status;
  const Span downtime = std::max(now - resume.down_since, Span{});
  if (!resume.request.IsSet()) {
    Verdict verdict;
    const auto unfinished = std::count_if(book.requests.begin(), book.requests.end(),
                                          [](const auto& entry) { return IsUnfinished(*entry.second); });
    if (unfinished > 0) {
      Decision resumed{.kind = Kind::RECOVERY_RESUMED};
      resumed.quantity = unfinished;
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
    // R22: the part of the outage that fell inside the window is added back.
    const Span lost = std::min(now, offer.deadline) - std::max(resume.down_since, offer.opened);
    const Span threshold = book.account.Find(offer.clause)->toll_over;
    if (threshold == Span{} || lost <= threshold) continue;
    Decision tolled{.kind = Kind::DEADLINE_TOLLED};
    tolled.offer = offer.number;
    tolled.provider = offer.provider;
    tolled.clause = offer.clause;
    tolled.deadline = offer.deadline + lost;
    tolled.downtime = lost;
    rounds.Add(std::move(tolled));
  }
  return Verdict{rounds.Take(), {}};
}

std::vector<RequestId> RequestsToToll(const Book& book, Instant down_since, Instant now) {
  std::vector<RequestId> out;
  for (const auto& [id, request] : book.requests) {
    for (const Offer& offer : request->offers) {
      if (offer.state != OfferState::kOpen || !offer.clause.IsSet()) continue;
      const Span threshold = book.account.Find(offer.clause)->toll_over;
      if (threshold == Span{} || now - down_since <= threshold) continue;
      out.push_back(id);
      break;
    }
  }
  std::sort(out.begin(), out.end());  // The same order every time.
  return out;
}

}  // namespace capbroker
