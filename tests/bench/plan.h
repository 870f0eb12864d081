// What one run of lifecycle_bench does, and the outcome that every lifecycle has to have.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace capbroker::bench {

enum class Mix {
  kAccepted,  // The holder takes everything.
  kDeclined,  // The holder declines, and the alternative takes everything.
  kPartial,   // The holder takes a part, the alternative the rest.
  kLapse,     // The holder is silent until its deadline; the alternative takes everything.
  kOpen,      // The request is recorded and its offer sent; no provider answers.
};

struct Plan {
  std::string target;
  std::string tokens;  // A directory with the files owner-NAME and provider-NAME.
  bool session = false;
  Mix mix = Mix::kAccepted;
  uint32_t concurrency = 64;  // Lifecycles in flight at once, without a rate.
  double rate = 0;  // Lifecycles planned a second, whatever becomes of them; 0 is a closed loop.
  double seconds = 5;
  double warm_up = 1;
  uint32_t owners = 1;
  uint32_t channels = 1;  // Connections that the owners share; each provider has its own.
  uint64_t count = 0;     // Lifecycles in all, in a closed loop; 0 is as many as there is time for.
  bool overload = false;  // RESOURCE_EXHAUSTED is no error.
  // The holder of the right, and the alternative.
  std::string desks[2] = {"azure", "stargate-oracle"};
  std::string owner_prefix = "bench";  // Owners are called bench-0, bench-1 ...
};

inline constexpr int64_t kQuantity = 8000;
inline constexpr int64_t kPart = 5000;  // What the holder takes in Mix::kPartial.

// What a provider does with its offer.
struct Move {
  enum class Kind { kAccept, kDecline, kSilence };
  Kind kind = Kind::kAccept;
  int64_t offered = 0;  // The quantity that has to be offered.
  int64_t taken = 0;
};
inline constexpr int kDesks = 2;  // The holder's and the alternative's, as in Plan::desks.

// The move of desk 0, the holder's, or desk 1. An offer to the alternative in a mix in which nobody
// should ask it has quantity 0.
constexpr Move MoveOf(Mix mix, int desk) {
  const bool holder = desk == 0;
  switch (mix) {
    case Mix::kAccepted:
      return {Move::Kind::kAccept, holder ? kQuantity : 0, holder ? kQuantity : 0};
    case Mix::kDeclined:
      return {holder ? Move::Kind::kDecline : Move::Kind::kAccept, kQuantity,
              holder ? 0 : kQuantity};
    case Mix::kPartial:
      return {Move::Kind::kAccept, holder ? kQuantity : kQuantity - kPart,
              holder ? kPart : kQuantity - kPart};
    case Mix::kOpen:
    case Mix::kLapse:
      return {holder ? Move::Kind::kSilence : Move::Kind::kAccept, kQuantity,
              holder ? 0 : kQuantity};
  }
  return {};
}

}  // namespace capbroker::bench
