#include "broker/routing/bids.h"

#include <algorithm>
#include <numeric>

namespace capbroker {
namespace {

struct Choice {
  int64_t placed = 0;
  __int128 cost = 0;
  std::vector<int64_t> taken{};  // By bid.

  bool IsBetterThan(const Choice& other) const {
    if (placed != other.placed) return placed > other.placed;
    if (cost != other.cost) return cost < other.cost;
    return taken > other.taken;  // The earlier bids first.
  }
};

bool MayBeCut(const Bid& bid, int64_t to) {
  return bid.min_quantity != 0 && to >= bid.min_quantity && to < bid.quantity &&
         to % std::max<int64_t>(bid.quantity_step, 1) == 0;
}

void Take(Choice& choice, const Bid& bid, size_t at, int64_t quantity) {
  choice.taken[at] = quantity;
  choice.placed += quantity;
  choice.cost += static_cast<__int128>(quantity) * bid.unit_price_micros;
}

// The whole bids of `set`, and then one that is cut to what they leave, or none.
void Consider(const std::vector<Bid>& bids, int64_t lot, uint32_t set, Choice& best) {
  Choice whole{.taken = std::vector<int64_t>(bids.size())};
  for (size_t i = 0; i < bids.size(); ++i) {
    if ((set >> i & 1) == 0) continue;
    if (bids[i].quantity > lot - whole.placed) return;
    Take(whole, bids[i], i, bids[i].quantity);
  }
  if (whole.IsBetterThan(best)) best = whole;
  const int64_t left = lot - whole.placed;
  for (size_t i = 0; i < bids.size(); ++i) {
    if ((set >> i & 1) != 0 || !MayBeCut(bids[i], left)) continue;
    Choice cut = whole;
    Take(cut, bids[i], i, left);
    if (cut.IsBetterThan(best)) best = cut;
  }
}

// One after the other in this order, each for what is left.
Choice InOrder(const std::vector<Bid>& bids, int64_t lot, const std::vector<size_t>& order) {
  Choice choice{.taken = std::vector<int64_t>(bids.size())};
  for (const size_t i : order) {
    const int64_t left = lot - choice.placed;
    if (bids[i].quantity <= left) {
      Take(choice, bids[i], i, bids[i].quantity);
    } else if (MayBeCut(bids[i], left)) {
      Take(choice, bids[i], i, left);
      break;
    }
  }
  return choice;
}

// The cheapest first, the largest first, and each bid first with the cheapest after it.
Choice Greedy(const std::vector<Bid>& bids, int64_t lot) {
  std::vector<size_t> cheapest(bids.size());
  std::iota(cheapest.begin(), cheapest.end(), size_t{0});
  std::stable_sort(cheapest.begin(), cheapest.end(), [&](size_t a, size_t b) {
    return bids[a].unit_price_micros < bids[b].unit_price_micros;
  });
  std::vector<size_t> largest = cheapest;
  std::stable_sort(largest.begin(), largest.end(),
                   [&](size_t a, size_t b) { return bids[a].quantity > bids[b].quantity; });
  Choice best = InOrder(bids, lot, largest);
  for (const size_t first : cheapest) {
    std::vector<size_t> order = cheapest;
    const auto at = std::find(order.begin(), order.end(), first);
    std::rotate(order.begin(), at, at + 1);
    if (Choice choice = InOrder(bids, lot, order); choice.IsBetterThan(best))
      best = std::move(choice);
  }
  return best;
}

}  // namespace

Selection SelectBids(const std::vector<Bid>& bids, int64_t lot) {
  Choice best{.taken = std::vector<int64_t>(bids.size())};
  const bool exact = bids.size() <= kMostBidsCompared;
  if (exact) {
    for (uint32_t set = 0; set < uint32_t{1} << bids.size(); ++set) Consider(bids, lot, set, best);
  } else {
    best = Greedy(bids, lot);
  }
  Selection selection{.exact = exact};
  for (size_t i = 0; i < bids.size(); ++i) {
    if (best.taken[i] > 0) selection.winners.push_back({bids[i].offer, best.taken[i]});
  }
  return selection;
}

}  // namespace capbroker
