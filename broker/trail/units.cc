#include "broker/trail/units.h"

#include <algorithm>
#include <numeric>

namespace capbroker {

int64_t Units::Total() const { return std::accumulate(at_.begin(), at_.end(), int64_t{0}); }

bool Units::Move(Place from, Place to, int64_t quantity) {
  if (!Leave(from, quantity)) return false;
  at_[static_cast<size_t>(to)] += quantity;
  return true;
}

bool Units::Leave(Place from, int64_t quantity) {
  int64_t& left = at_[static_cast<size_t>(from)];
  if (quantity < 0 || quantity > left) return false;
  left -= quantity;
  return true;
}

int64_t SumOf(const SegmentList& list) {
  return std::accumulate(
      list.begin(), list.end(), int64_t{0},
      [](int64_t sum, const SegmentUnits& units) { return sum + units.quantity; });
}

void AddTo(SegmentList& list, const SegmentList& added) {
  for (const SegmentUnits& units : added) {
    const auto at = std::lower_bound(
        list.begin(), list.end(), units.segment,
        [](const SegmentUnits& have, uint32_t segment) { return have.segment < segment; });
    if (at != list.end() && at->segment == units.segment) {
      at->quantity += units.quantity;
    } else if (units.quantity > 0) {
      list.insert(at, units);
    }
  }
}

bool TakeFrom(SegmentList& list, const SegmentList& taken) {
  SegmentList rest = list;
  for (const SegmentUnits& units : taken) {
    const auto at = std::find_if(rest.begin(), rest.end(), [&](const SegmentUnits& have) {
      return have.segment == units.segment;
    });
    if (at == rest.end() || at->quantity < units.quantity) return false;
    at->quantity -= units.quantity;
  }
  std::erase_if(rest, [](const SegmentUnits& units) { return units.quantity == 0; });
  list = std::move(rest);
  return true;
}

SegmentList FirstOf(const SegmentList& list, int64_t quantity) {
  SegmentList first;
  for (const SegmentUnits& units : list) {
    if (quantity <= 0) break;
    first.push_back({units.segment, std::min(units.quantity, quantity)});
    quantity -= units.quantity;
  }
  return first;
}

SegmentList CommonOf(const SegmentList& a, const SegmentList& b) {
  SegmentList common;
  for (const SegmentUnits& have : a) {
    for (const SegmentUnits& other : b) {
      if (other.segment == have.segment)
        common.push_back({have.segment, std::min(have.quantity, other.quantity)});
    }
  }
  return common;
}

}  // namespace capbroker
