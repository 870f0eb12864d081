#include "broker/trail/commitment.h"

#include <algorithm>
#include <limits>

namespace capbroker {
namespace {

constexpr Span kDay = Hours(24);

// amount x part / whole, rounded down; `whole` is more than zero, the others are not negative.
Money Scaled(const Money& amount, Span part, Span whole) {
  const __int128 scaled = static_cast<__int128>(amount.micros) * part.micros / whole.micros;
  constexpr __int128 kMost = std::numeric_limits<int64_t>::max();
  return {static_cast<int64_t>(std::min(scaled, kMost)), amount.currency};
}

}  // namespace

CommitmentStatement StatementOf(const Account& account, const ClauseRef& commitment, Instant now) {
  CommitmentStatement s;
  for (const auto& version : account.agreements) {
    if (version->agreement != commitment.agreement) continue;
    const Clause* clause = FindClause(*version, commitment.clause);
    const auto* promise = clause == nullptr ? nullptr : As<CommitmentClause>(*clause);
    if (promise == nullptr) continue;
    if (!s.since.IsSet() || version->effective_from < s.since) s.since = version->effective_from;
    if (version->version < s.clause.version) continue;
    s.clause = RefOf(*version, *clause);
    s.term_end = EndOf(*version);
    s.committed = promise->amount;
  }
  if (!s.clause.IsSet()) return s;
  s.reserved = s.drawn = {0, s.committed.currency};
  for (const CommitmentBalance& balance : account.commitments) {
    if (balance.agreement != s.clause.agreement || balance.clause != s.clause.clause) continue;
    s.committed = balance.committed;
    s.reserved = balance.reserved;
    s.drawn = balance.drawn;
  }
  s.left = {s.committed.micros - s.reserved.micros - s.drawn.micros, s.committed.currency};

  const Span elapsed = now - s.since;
  s.daily_pace = elapsed > Span{} ? Scaled(s.drawn, kDay, elapsed) : Money{0, s.drawn.currency};
  if (!s.term_end.IsSet()) return s;
  const bool runs = elapsed > Span{} && now < s.term_end;
  s.forecast_drawn = runs ? Scaled(s.drawn, s.term_end - s.since, elapsed) : s.drawn;
  s.shortfall = {std::max<int64_t>(0, s.committed.micros - s.forecast_drawn.micros),
                 s.committed.currency};
  return s;
}

}  // namespace capbroker
