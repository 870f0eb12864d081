#include "services/concurrency/spsc_ring.h"

#include <gtest/gtest.h>

#include <thread>

namespace capbroker {
namespace {

TEST(SpscRing, KeepsOrderAndItsBound) {
  SpscRing<int, 4> ring;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.TryPush(int{i}));
  EXPECT_FALSE(ring.TryPush(4));
  int value = -1;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(ring.TryPop(value));
    EXPECT_EQ(value, i);
  }
  EXPECT_FALSE(ring.TryPop(value));
  EXPECT_TRUE(ring.TryPush(5));
}

TEST(SpscRing, TwoThreads) {
  constexpr uint32_t kMany = 20'000;
  SpscRing<uint32_t, 64> ring;
  std::thread producer([&] {
    for (uint32_t i = 0; i < kMany;) {
      if (ring.TryPush(uint32_t{i})) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  });
  uint32_t next = 0, value = 0;
  for (; next < kMany; ring.Wait()) {
    while (ring.TryPop(value)) ASSERT_EQ(value, next++);
    if (next == kMany) break;
  }
  producer.join();
  EXPECT_EQ(next, kMany);
}

}  // namespace
}  // namespace capbroker
