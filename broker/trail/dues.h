// What time alone will do (R31): every running window of a request or an account, when it ends, and
// what happens then. Deadlines are the instants of this list, and whoever reaches one carries out
// its entry, so that no deadline passes without a decision.
#pragma once

#include <vector>

#include "broker/trail/book.h"

namespace capbroker {

// One thing that happens by itself. In the order in which things at one instant are decided: a
// request's expiry waits for every window that ends with it (R25).
struct Due {
  enum class What {
    kNotice,   // A noticed withdrawal or release takes effect (R15, R28).
    kVoid,     // The clause of an open offer ends, and voids it (R17).
    kLapse,    // An offer was not answered (R5).
    kRound,    // A round of sealed bids closes (R9).
    kCounter,  // The owner did not take a counter (R7).
    kHold,     // A hold was not confirmed (R14).
    kRevival,  // What follows a waived right was not confirmed (R12).
    kUnblock,  // A waiver may lift a block, or the exclusivity ends (R19).
    kExpiry,   // The request expires (R25).
  };
  Instant at{};  // The last instant at which it has not happened yet.
  What what{};
  uint32_t offer = 0;    // Of kNotice to kHold; of kRound one of the round's.
  uint32_t lineage = 0;  // Of kRevival and kUnblock.
  ClauseRef right{};     // Of kRevival.
};

// In the order in which they are decided.
std::vector<Due> DuesOf(const Account& account, const RequestBook& request);
// The earliest of them, or kLastInstant: the last instant at which nothing has to happen to the
// request by itself.
Instant DueTime(const Account& account, const RequestBook& request);

// R25. The last instant at which the request waits for a window that somebody was told of: an open
// offer, a counter, a hold to be confirmed. Unset if it waits for none.
Instant LastWindow(const RequestBook& request);
// R19. Whether the waiver names the clause that blocks this lineage, for this request.
bool MayLift(const GrantedWaiver& waiver, const RequestBook& request, const Lineage& lineage);

// R17, R18. The same for an account: clauses that end, triggers that take effect or are rejected.
struct AccountDue {
  enum class What { kClauseEnds, kTriggerTakesEffect, kTriggerUnattested };
  Instant at{};
  What what{};
  ClauseRef clause{};  // That ends; of a trigger, itself.
};
std::vector<AccountDue> DuesOf(const Account& account);
Instant DueTime(const Account& account);

}  // namespace capbroker
