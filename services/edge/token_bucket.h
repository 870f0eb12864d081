// Rate limit: so much at once, and so much a second after that.
#pragma once

#include <algorithm>
#include <cstdint>

namespace capbroker {

class TokenBucket {
 public:
  constexpr TokenBucket(int64_t burst, int64_t per_second)
      : burst_(burst), per_second_(per_second), micro_level_(burst * kMicro) {}

  // How many there are at this time, of any clock that does not run back.
  int64_t Available(int64_t now_micros) {
    if (const int64_t passed = now_micros - filled_at_; passed > 0) {
      // After this long it is full whatever it had; so the product does not overflow.
      const int64_t to_full = burst_ * kMicro / per_second_ + 1;
      micro_level_ =
          std::min(burst_ * kMicro, micro_level_ + std::min(passed, to_full) * per_second_);
      filled_at_ = now_micros;
    }
    return micro_level_ / kMicro;
  }
  void Spend(int64_t tokens) { micro_level_ -= tokens * kMicro; }
  // So many, if there are.
  bool Take(int64_t now_micros, int64_t tokens = 1) {
    if (Available(now_micros) < tokens) return false;
    Spend(tokens);
    return true;
  }

 private:
  static constexpr int64_t kMicro = 1'000'000;

  int64_t burst_, per_second_;
  int64_t micro_level_;
  int64_t filled_at_ = 0;
};

}  // namespace capbroker
