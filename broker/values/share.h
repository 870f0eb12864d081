// A share of a whole.
#pragma once

#include <cstdint>
#include <string>

namespace capbroker {

// In parts per million: all of it where nothing is said.
struct Share {
  int64_t ppm = 1'000'000;
  bool operator==(const Share&) const = default;
};

// `amount` x share, rounded down. `amount` is not negative.
inline int64_t operator*(int64_t amount, Share share) {
  return static_cast<int64_t>(static_cast<__int128>(amount) * share.ppm / 1'000'000);
}

}  // namespace capbroker
