// R21. A commitment's statement: where it stands, and what it comes to at the term's end if it goes
// on as so far.
#pragma once

#include "broker/trail/book.h"

namespace capbroker {

// committed = reserved + drawn + left. With `elapsed` = now - since and `whole` = term_end - since,
// in microseconds:
//
//   forecast_drawn = drawn x whole / elapsed    (linear from `since` to the term's end)
//   shortfall      = max(0, committed - forecast_drawn)
//   daily_pace     = drawn x 24 h / elapsed
//
// Divisions round down, so that a shortfall is never told too small. Before `since`, and at it,
// nothing can be said of the pace: it is 0, and the forecast is what is drawn; so it is from the
// term's end on. A forecast stops at the largest amount. What is reserved is not drawn, and counts
// for nothing in the forecast.
struct CommitmentStatement {
  ClauseRef clause{};  // Of the newest version that has it. Unset: there is no such commitment.
  Money committed{}, reserved{}, drawn{}, left{};
  Instant since{};     // When the first version with it came into force, or will.
  Instant term_end{};  // When the newest version with it ends (EndOf); unset: no end is known.
  Money forecast_drawn{}, shortfall{};  // Unset without a term_end.
  Money daily_pace{};
};

// Of the commitment with this agreement and clause, over all its versions; the reference's version
// means nothing.
CommitmentStatement StatementOf(const Account& account, const ClauseRef& commitment, Instant now);

}  // namespace capbroker
