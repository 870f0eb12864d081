// R10, no better terms: what an alternative would get that the holder was not offered.
#pragma once

#include <vector>

#include "broker/agreement.h"
#include "broker/decision.h"
#include "broker/terms.h"

namespace capbroker {

struct Tolerance {
  int64_t price_ppm = 0;
  Span start{};
};

// One field that was held against the other. A figure's bound is the worst for the owner that is not
// material.
struct TermDifference {
  Figure figure{};
  bool material = false;  // Better for the bidder, past the tolerance.
};

// Field by field: price, service level, start, duration, conditions. Every difference, and the price always,
// so that the record shows what was compared. Both terms are in one currency. Quantities are not compared: a
// lot's remainder is smaller by nature.
std::vector<TermDifference> CompareTerms(const Terms& refused, const Terms& bid, const Tolerance& allowed);

}  // namespace capbroker
