// Circuit breaker (R23): stops calls to a provider that does not answer.
#pragma once

#include <algorithm>
#include <cstdint>

#include "broker/values/time.h"

namespace capbroker {

// Closed: calls go out. After `failures` in a row it opens: no calls for `open_for`. Then it is
// half open and admits one probe. A failed probe opens it again; any success closes it.
class Breaker {
 public:
  enum class State { kClosed, kHalfOpen, kOpen };

  // `broken`: the record says that it was open before; then the first call is a probe.
  Breaker(int failures, Span open_for, bool broken)
      : most_(failures), open_for_(open_for), failures_(broken ? failures : 0) {}

  State state(Instant now) const {
    if (failures_ < most_) return State::kClosed;
    return now < until_ ? State::kOpen : State::kHalfOpen;
  }
  // The instant from which a call may go out; none while a probe is in flight.
  Instant Admits() const { return IsBroken() ? (probing_ ? kLastInstant : until_) : Instant{}; }
  bool IsBroken() const { return failures_ >= most_; }

  void OnStart() { probing_ = IsBroken(); }
  // Returns true if this failure opened it.
  bool OnFailure(Instant now) {
    probing_ = false;
    failures_ = std::min(failures_ + 1, most_ + 1);
    if (IsBroken()) until_ = now + open_for_;
    return failures_ == most_;
  }
  // Returns true if this success closed it.
  bool OnSuccess() {
    const bool was_broken = IsBroken();
    failures_ = 0;
    probing_ = false;
    return was_broken;
  }

 private:
  const int most_;
  const Span open_for_;
  int failures_;     // Consecutive.
  Instant until_{};  // When the next probe may go out.
  bool probing_ = false;
};

}  // namespace capbroker
