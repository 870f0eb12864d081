// From the sequencer's thread to the counts, without loss; and what happens where that cannot be.
#include "services/observability/observer.h"

#include <gtest/gtest.h>

#include <thread>

#include "services/observability/ring.h"

namespace capbroker {
namespace {

TEST(RingTest, KeepsOrderAndItsBound) {
  Ring<int, 4> ring;
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

TEST(RingTest, TwoThreads) {
  constexpr uint32_t kMany = 200'000;
  Ring<uint32_t, 64> ring;
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

Change Registered(uint64_t sequence) {
  auto act = std::make_shared<Act>();
  act->owner = kDirectory;
  act->sequence = sequence;
  act->decisions = {Decision{.kind = Kind::PROVIDER_UPDATED}};
  return {kDirectory, nullptr, act};
}

double Updated(const prometheus::Registry& registry) {
  for (const auto& family : registry.Collect()) {
    if (family.name != "capbroker_decisions_total") continue;
    for (const auto& metric : family.metric) {
      if (metric.label.front().value == "PROVIDER_UPDATED") return metric.counter.value;
    }
  }
  return -1;
}

TEST(ObserverTest, CountsWhatItIsTold) {
  prometheus::Registry registry;
  DomainMetrics metrics(registry);
  Observer observer(metrics);
  observer.Begin({});
  for (uint64_t i = 1; i <= 1'000; ++i) observer.Add({Registered(2 * i - 1), Registered(2 * i)});
  observer.CatchUp(Seconds(60));
  EXPECT_EQ(observer.dropped(), 0);
  EXPECT_EQ(Updated(registry), 2'000);
  observer.End();
  observer.Add({Registered(3'000)});
  observer.CatchUp(Seconds(60));
  EXPECT_EQ(Updated(registry), 2'001);
}

TEST(ObserverTest, SaysWhatItCouldNotCount) {
  prometheus::Registry registry;
  DomainMetrics metrics(registry);
  Observer observer(metrics);
  const size_t many = Observer::kMostWaiting + 1;
  observer.Add(std::vector<Change>(many, Registered(1)));
  EXPECT_EQ(observer.dropped(), many);
  observer.Add({Registered(2)});
  observer.CatchUp(Seconds(60));
  EXPECT_EQ(Updated(registry), 1);
}

}  // namespace
}  // namespace capbroker
