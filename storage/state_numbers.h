// The numbers under which states of requests are stored.
#pragma once

#include <cstdint>

#include "broker/trail/book.h"

namespace capbroker {

// A finished request that is live still, since the end of an allocation was noticed, has a number
// of its own: recovery reads those below kFinished and those above kSettled.
inline constexpr int16_t kFinished = 6, kSettled = 10, kLiveOffset = 5;
inline int16_t NumberOf(RequestState state, bool is_live) {
  const auto number = static_cast<int16_t>(state);
  return static_cast<int16_t>(number + (is_live && number >= kFinished ? kLiveOffset : 0));
}
inline RequestState RequestStateOf(int64_t number) {
  return static_cast<RequestState>(number > kSettled ? number - kLiveOffset : number);
}

}  // namespace capbroker
