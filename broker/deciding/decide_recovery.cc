// R22: the broker was away. What was left of every running window when the outage began is left
// when it is back.
#include <algorithm>
#include <utility>

#include "broker/deciding/deciding.h"
#include "broker/deciding/request_draft.h"

namespace capbroker {
namespace {

// A running window: when it began, when it ends, and what governs it.
struct Running {
  WindowKind clock{};
  uint32_t offer = 0;
  uint32_t lineage = 0;
  ClauseRef clause{};  // Unset: none governs.
  ProviderId provider{};
  Instant began{};
  Instant ends{};
  bool in_hours = false;  // Counted in the clause's calendar, if it names one.
};

std::vector<Running> RunningOf(const Account& account, const RequestBook& request) {
  std::vector<Running> out;
  for (const Offer& offer : request.offers) {
    Running window{.offer = offer.number,
                   .lineage = offer.lineage,
                   .clause = offer.clause,
                   .provider = offer.provider};
    if (offer.IsUnanswered()) {
      window.began = offer.opened;
      window.ends = offer.deadline;
      window.in_hours = true;
      out.push_back(window);
    }
    if (offer.promise == Promise::kCounter) {
      window.clock = WindowKind::kCounter;
      window.began = offer.answered;
      window.ends = offer.take_by;
      window.in_hours = true;
      out.push_back(window);
    }
    if (offer.allocation.state == AllocationState::kHeld && offer.allocation.confirm_by.IsSet()) {
      window.clock = WindowKind::kConfirm;
      window.began = offer.opened;
      window.ends = offer.allocation.confirm_by;
      window.in_hours = false;
      out.push_back(window);
    }
  }
  for (const Lineage& lineage : request.lineages) {
    for (const Right& right : lineage.rights) {
      if (!right.close_by.IsSet()) continue;
      out.push_back({.clock = WindowKind::kClose,
                     .lineage = lineage.number,
                     .clause = right.clause,
                     .provider = account.Find(right.clause.agreement, right.clause.version)->holder,
                     .ends = right.close_by});
    }
  }
  return out;
}

class Outage {
 public:
  Outage(const Account& account, Instant down_since, Instant settled, Span toll_over, Instant now)
      : account_(account), from_(std::max(down_since, settled)), toll_over_(toll_over), now_(now) {}

  // The new end of the window; unset if it stays. Time is added, never removed.
  Instant EndOf(const Running& window) const {
    // What was given back already, by a recovery that was itself cut short, is not given twice.
    const Instant from = std::max(from_, window.began);
    const Span threshold = window.clause.IsSet() ? TollOver(window.clause) : toll_over_;
    if (threshold == Span{} || now_ - from_ <= threshold || window.ends < from) return {};
    const Calendar* calendar = window.in_hours ? CalendarUnder(window.clause) : nullptr;
    const Span left = Counted(calendar, from, window.ends);
    const Instant end = std::min(AddWindow(calendar, now_, left), kLastInstant - Seconds(1));
    return end > window.ends ? end : Instant{};
  }
  Span DowntimeOf(const Running& window) const { return now_ - std::max(from_, window.began); }

 private:
  Span TollOver(const ClauseRef& ref) const {
    const Asking* asking = AskingOf(*account_.Find(ref));
    return asking == nullptr ? toll_over_ : asking->toll_over;
  }
  const Calendar* CalendarUnder(const ClauseRef& ref) const {
    if (!ref.IsSet()) return nullptr;
    const AgreementVersion& version = *account_.Find(ref.agreement, ref.version);
    return CalendarOf(version, *FindClause(version, ref.clause));
  }

  const Account& account_;
  const Instant from_;
  const Span toll_over_;
  const Instant now_;
};

Decision Tolled(const Running& window, Instant end, Span downtime) {
  Decision tolled{.kind = Kind::DEADLINE_TOLLED};
  tolled.lineage = window.lineage;
  tolled.offer = window.offer;
  tolled.provider = window.provider;
  tolled.clause = window.clause;
  tolled.clock = window.clock;
  tolled.deadline = end;
  tolled.downtime = downtime;
  return tolled;
}

// R18. The windows of assertions that wait: no clause of an asking governs them.
std::vector<Running> RunningOf(const Account& account) {
  std::vector<Running> out;
  for (const Assertion& assertion : account.triggers) {
    if (IsFinal(assertion.state)) continue;
    out.push_back({.clock = WindowKind::kDispute,
                   .clause = assertion.clause,
                   .began = assertion.asserted,
                   .ends = assertion.disputable_until});
    out.push_back({.clock = WindowKind::kAttest,
                   .clause = assertion.clause,
                   .began = assertion.asserted,
                   .ends = assertion.attest_by});
  }
  return out;
}

}  // namespace

absl::StatusOr<Verdict> Deciding::On(const Resume& resume) const {
  if (absl::Status status = CheckActor(Role::kBroker); !status.ok()) return status;
  if (!resume.request.IsSet()) {
    Verdict verdict;
    // Each is on the list.
    const size_t unfinished = book.deadlines.size() - (book.account_listed == kLastInstant ? 0 : 1);
    if (unfinished > 0) {
      Decision resumed{.kind = Kind::RECOVERY_RESUMED};
      resumed.quantity = static_cast<int64_t>(unfinished);
      resumed.downtime = std::max(now - resume.down_since, Span{});
      verdict.decisions.push_back(std::move(resumed));
    }
    const Outage outage(book.account, resume.down_since, book.account.tolled, resume.toll_over,
                        now);
    for (const Running& window : RunningOf(book.account)) {
      if (const Instant end = outage.EndOf(window); end.IsSet())
        verdict.decisions.push_back(Tolled(window, end, outage.DowntimeOf(window)));
    }
    return verdict;
  }
  const RequestBook* request = book.Find(resume.request);
  if (request == nullptr || IsFinished(request->state)) return Verdict{};
  const Outage outage(book.account, resume.down_since, request->tolled, resume.toll_over, now);
  RequestDraft draft(book, directory, request, now);
  for (const Running& window : RunningOf(book.account, *request)) {
    if (const Instant end = outage.EndOf(window); end.IsSet())
      draft.Add(Tolled(window, end, outage.DowntimeOf(window)));
  }
  return draft.Conclude();
}

std::vector<RequestId> RequestsToToll(const Book& book, Instant down_since, Span toll_over,
                                      Instant now) {
  std::vector<RequestId> out;
  const auto is_long_for = [&](Span threshold) {
    return threshold != Span{} && now - down_since > threshold;
  };
  const bool any = std::any_of(
      book.account.agreements.begin(), book.account.agreements.end(), [&](const auto& version) {
        return std::any_of(version->clauses.begin(), version->clauses.end(),
                           [&](const Clause& clause) {
                             const Asking* asking = AskingOf(clause);
                             return asking != nullptr && is_long_for(asking->toll_over);
                           });
      });
  if (!any && !is_long_for(toll_over)) return out;
  for (const auto& [id, filed] : book.requests) {
    const auto request = filed.Read();
    if (!IsFinished(request->state) && !RunningOf(book.account, *request).empty())
      out.push_back(id);
  }
  std::sort(out.begin(), out.end());  // The same order every time.
  return out;
}

}  // namespace capbroker
