// The numbers that stand for states in the database. They are the enums' own; where an enum is
// changed so that a stored number would mean something else, this file stops compiling, and wants a
// mapping (and a migration).
#pragma once

#include "broker/trail/book.h"

namespace capbroker {

static_assert(Names<RequestState>::values ==
              std::array<std::string_view, 11>{
                  "RECEIVED", "HOLDER_ROUND", "FALLBACK", "MATCH_ROUND", "CONFIRMING", "BLOCKED",
                  "FULFILLED", "PARTIALLY_FULFILLED", "UNFILLED", "CANCELLED", "EXPIRED"});
static_assert(RequestState::kFulfilled ==
              static_cast<RequestState>(6));  // Recovery: unfinished is state < 6.
static_assert(Names<OfferState>::values ==
              std::array<std::string_view, 9>{"OPEN", "ACCEPTED", "PARTIALLY_ACCEPTED", "COUNTERED",
                                              "DECLINED", "LAPSED", "RESCINDED", "SUPERSEDED",
                                              "VOIDED"});
static_assert(Names<AllocationState>::values ==
              std::array<std::string_view, 6>{"", "HELD", "CONFIRMED", "RELEASED", "WITHDRAWN",
                                              "EXPIRED"});

}  // namespace capbroker
