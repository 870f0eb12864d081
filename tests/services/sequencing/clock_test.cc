#include "services/sequencing/clock.h"

#include <gtest/gtest.h>

namespace capbroker {
namespace {

class ClockTest : public testing::Test {
 protected:
  int64_t boot = 1000;
  Clock clock{[this] { return boot; }};
};

TEST_F(ClockTest, StandsStillUntilTheDatabaseWasSeen) {
  EXPECT_EQ(clock.Now(), Instant{});
  clock.NotBefore(Instant{77});
  boot += 50;
  EXPECT_EQ(clock.Now(), Instant{77});
}

TEST_F(ClockTest, FollowsTheDatabase) {
  clock.Observe(Instant{500'000}, 900, 1100);
  EXPECT_EQ(clock.Now(), Instant{500'000});
  boot += 25;
  EXPECT_EQ(clock.Now(), Instant{500'025});
}

TEST_F(ClockTest, MovesAsLittleAsTheBoundsAsk) {
  clock.Observe(Instant{500'000}, 1000, 1000);
  clock.Observe(Instant{500'040}, 900,
                1100);  // Offsets 498,940 to 499,140 include 499,000: nothing moves.
  EXPECT_EQ(clock.Now(), Instant{500'000});
  clock.Observe(Instant{500'140}, 1000, 1040);  // 499,100 to 499,140.
  EXPECT_EQ(clock.Now(), Instant{500'100});
}

TEST_F(ClockTest, NeverRunsBack) {
  clock.Observe(Instant{500'000}, 1000, 1000);
  EXPECT_EQ(clock.Now(), Instant{500'000});
  clock.Observe(Instant{400'000}, 1000, 1000);
  EXPECT_EQ(clock.Now(), Instant{500'000});
  boot += 100'000;
  EXPECT_EQ(clock.Now(), Instant{500'000});
  boot += 7;
  EXPECT_EQ(clock.Now(), Instant{500'007});
}

TEST(BootMicros, DoesNotRunBack) {
  const int64_t first = BootMicros();
  EXPECT_GT(first, 0);
  EXPECT_GE(BootMicros(), first);
}

}  // namespace
}  // namespace capbroker
