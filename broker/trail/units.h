// Where the units of one lineage are: double-entry bookkeeping (R30). Every unit is in exactly one
// place at every instant, and only a move takes it to another.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "broker/values/names.h"

namespace capbroker {

enum class Place {
  kFree,       // Nobody is asked for it.
  kAsked,      // Of one provider, or of the several that one round asks.
  kPromised,   // By whoever is chosen or has countered; not yet held.
  kHeld,       // Placed, to be confirmed.
  kConfirmed,  // Placed.
  kGone,       // Released, withdrawn or given up, and not to be placed any more.
};
template <>
struct Names<Place> {
  static constexpr std::array<std::string_view, 6> values = {"free", "asked",     "promised",
                                                             "held", "confirmed", "gone"};
};

class Units {
 public:
  Units() = default;
  // All of them free.
  explicit Units(int64_t quantity) { at_[0] = quantity; }

  int64_t At(Place place) const { return at_[static_cast<size_t>(place)]; }
  int64_t Total() const;
  // Neither placed nor gone.
  int64_t Unplaced() const { return At(Place::kFree) + At(Place::kAsked) + At(Place::kPromised); }
  // Nobody has promised it.
  int64_t ToBeHad() const { return At(Place::kFree) + At(Place::kAsked); }
  int64_t Placed() const { return At(Place::kHeld) + At(Place::kConfirmed); }

  // False, and nothing has moved, if `from` has fewer than `quantity` or `quantity` is negative.
  [[nodiscard]] bool Move(Place from, Place to, int64_t quantity);
  // Takes units out of the lineage, to another one or because the request no longer asks for them.
  // False, and nothing has changed, if `from` has fewer.
  [[nodiscard]] bool Leave(Place from, int64_t quantity);

  bool operator==(const Units&) const = default;

  static void Members(auto& self, auto&& each) { each(self.at_); }

 private:
  std::array<int64_t, 6> at_{};
};

// How many units of one segment of the request.
struct SegmentUnits {
  uint32_t segment = 0;  // Of the request, from 0.
  int64_t quantity = 0;
  bool operator==(const SegmentUnits&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("quantity", self.quantity);
    field("segment", self.segment);
  }
};
// Ascending by segment, each once, every quantity more than zero.
using SegmentList = std::vector<SegmentUnits>;

int64_t SumOf(const SegmentList& list);
void AddTo(SegmentList& list, const SegmentList& added);
// False, and nothing has changed, if the list has fewer of some segment.
[[nodiscard]] bool TakeFrom(SegmentList& list, const SegmentList& taken);
// The first `quantity` units in the order of the segments; fewer if the list has fewer.
SegmentList FirstOf(const SegmentList& list, int64_t quantity);
// What both have: of each segment the smaller quantity.
SegmentList CommonOf(const SegmentList& a, const SegmentList& b);

}  // namespace capbroker
