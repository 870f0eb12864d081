// R10, no better terms: what an alternative would get that the holder was not offered.
#pragma once

#include <optional>
#include <vector>

#include "broker/agreements/agreement.h"
#include "broker/trail/book.h"
#include "broker/trail/decision.h"
#include "broker/values/terms.h"

namespace capbroker {

struct Tolerance {
  int64_t price_ppm = 0;
  Span start{};
};

// One field that was held against the other. A figure's bound is the worst for the owner that is
// not material.
struct TermDifference {
  Figure figure{};
  bool differs = false;
  bool material = false;  // Better for the bidder, past the tolerance.
};

// Field by field: price, service level, start, duration, conditions. Every difference, and the
// price always, so that the record shows what was compared. Both terms are in one currency.
// Quantities are not compared: a lot's remainder is smaller by nature.
std::vector<TermDifference> CompareTerms(const Terms& refused, const Terms& bid,
                                         const Tolerance& allowed);

// A smaller minimum: the bid takes a smaller part of its lot than the holder might have taken of
// what it refused.
std::optional<Figure> CompareParts(const Offer& refused, const Offer& bid);

// R7: whether a counter of a holder of this lineage that was not taken bars these terms: it is at
// least as good for the owner in every field, and materially better in one. A counter that is
// better in one field and worse in another cannot be compared, and bars nobody.
bool IsBelowFloor(const RequestBook& book, const Account& account, uint32_t lineage,
                  const Terms& terms);

}  // namespace capbroker
