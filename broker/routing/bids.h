// R9: which of several bids win a lot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace capbroker {

// A bid that qualifies.
struct Bid {
  uint32_t offer = 0;
  int64_t quantity = 0;
  int64_t min_quantity = 0;   // The smallest part of it that may be taken; 0: all or nothing.
  int64_t quantity_step = 0;  // A part is a multiple of it; 0 and 1 are the same.
  int64_t unit_price_micros = 0;
};

struct Winner {
  uint32_t offer = 0;
  int64_t quantity = 0;
};
struct Selection {
  std::vector<Winner> winners{};  // In the order of the bids.
  bool exact = true;              // False: there were too many to compare all combinations.
};

// As many are compared in every combination.
inline constexpr size_t kMostBidsCompared = 12;

// Those that together place the most of `lot` and, among such, cost the least; among such, those
// received first. A bid larger than what the others leave is taken for what is left, where its
// minimum and step allow; at most one is. `bids` are in the order of their receipt where they cost
// the same.
Selection SelectBids(const std::vector<Bid>& bids, int64_t lot);

}  // namespace capbroker
