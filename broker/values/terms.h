// The terms of capacity: what is bought, where, when, at what price.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/values/ids.h"
#include "broker/values/money.h"
#include "broker/values/time.h"

namespace capbroker {

// The largest quantity the broker admits: exact in every JSON reader, and far from overflow in
// sums.
inline constexpr int64_t kMostQuantity = 1'000'000'000'000;

// What is bought. A record: see broker/values/record.h.
struct Terms {
  std::string resource_type{};  // "h100"; a name people chose.
  std::string region{};         // "us-east"; likewise.
  int64_t quantity = 0;         // 1 to kMostQuantity.
  std::string unit{};           // What one of `quantity` is: "gpu".
  Instant start{};              // Inclusive.
  Instant end{};                // Exclusive; after `start`.
  Money unit_price{};           // Per unit and hour; not negative.
  int64_t availability_ppm =
      0;  // Service level: parts per million of the time; 0 if none is asked.
  std::vector<std::string>
      conditions{};  // Further terms, in words, each a promise of the provider.
  bool operator==(const Terms&) const = default;

  static void Fields(auto& self, auto&& field) {
    field("availability_ppm", self.availability_ppm);
    field("conditions", self.conditions);
    field("end_time", self.end);
    field("quantity", self.quantity);
    field("region", self.region);
    field("resource_type", self.resource_type);
    field("start_time", self.start);
    field("unit", self.unit);
    field("unit_price", self.unit_price);
  }
};

}  // namespace capbroker
