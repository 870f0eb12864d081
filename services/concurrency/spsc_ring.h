// Single-producer single-consumer ring: a bounded queue that takes no lock and allocates nothing.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace capbroker {

template <class T, size_t kSize>
class SpscRing {
  static_assert(std::has_single_bit(kSize), "places are counted modulo 2^32");

 public:
  // By the producer. False if the ring is full; `value` is then left as it is.
  bool TryPush(T&& value) {
    const uint32_t at = pushed_.load(std::memory_order_relaxed);
    if (at - popped_.load(std::memory_order_acquire) == kSize) return false;
    places_[at % kSize] = std::move(value);
    pushed_.store(at + 1, std::memory_order_release);
    pushed_.notify_one();
    return true;
  }
  // By the consumer. False if the ring is empty.
  bool TryPop(T& value) {
    const uint32_t at = popped_.load(std::memory_order_relaxed);
    if (at == pushed_.load(std::memory_order_acquire)) return false;
    value = std::exchange(places_[at % kSize], T());
    popped_.store(at + 1, std::memory_order_release);
    return true;
  }
  // By the consumer: until there is something.
  void Wait() const {
    pushed_.wait(popped_.load(std::memory_order_relaxed), std::memory_order_acquire);
  }

  // How many there ever were, modulo 2^32.
  uint32_t pushed() const { return pushed_.load(std::memory_order_acquire); }

 private:
  std::array<T, kSize> places_{};
  alignas(64) std::atomic<uint32_t> pushed_ = 0;
  alignas(64) std::atomic<uint32_t> popped_ = 0;
};

}  // namespace capbroker
