// R23: whether it is worth calling a provider that has not answered of late.
#pragma once

#include <algorithm>
#include <cstdint>

#include "broker/values/time.h"

namespace capbroker {

// Closed: calls go out. After `failures` in a row it opens: no call for `open_for`; then one probe,
// half open. A probe that fails opens it anew; any success closes it.
class Breaker {
 public:
  enum class State { kClosed, kHalfOpen, kOpen };

  // `broken`: it was open before, by the record; then the first call is a probe.
  Breaker(int failures, Span open_for, bool broken)
      : most_(failures), open_for_(open_for), failures_(broken ? failures : 0) {}

  State state(Instant now) const {
    if (failures_ < most_) return State::kClosed;
    return now < until_ ? State::kOpen : State::kHalfOpen;
  }
  // From when on a call may go out; while a probe is out, none may.
  Instant Admits() const { return IsBroken() ? (probing_ ? kLastInstant : until_) : Instant{}; }
  bool IsBroken() const { return failures_ >= most_; }

  void OnStart() { probing_ = IsBroken(); }
  // True if this opened it.
  bool OnFailure(Instant now) {
    probing_ = false;
    failures_ = std::min(failures_ + 1, most_ + 1);
    if (IsBroken()) until_ = now + open_for_;
    return failures_ == most_;
  }
  // True if this closed it.
  bool OnSuccess() {
    const bool was_broken = IsBroken();
    failures_ = 0;
    probing_ = false;
    return was_broken;
  }

 private:
  const int most_;
  const Span open_for_;
  int failures_;     // In a row.
  Instant until_{};  // When the next probe may go out.
  bool probing_ = false;
};

}  // namespace capbroker
