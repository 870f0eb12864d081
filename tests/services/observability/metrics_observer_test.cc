// Committed acts reach the metrics without loss; and what happens when the ring is full.
#include "services/observability/metrics_observer.h"

#include <gtest/gtest.h>

namespace capbroker {
namespace {

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

TEST(MetricsObserverTest, CountsWhatItIsTold) {
  prometheus::Registry registry;
  DomainMetrics metrics(registry);
  MetricsObserver observer(metrics);
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

TEST(MetricsObserverTest, SaysWhatItCouldNotCount) {
  prometheus::Registry registry;
  DomainMetrics metrics(registry);
  MetricsObserver observer(metrics);
  const size_t many = MetricsObserver::kMostWaiting + 1;
  observer.Add(std::vector<Change>(many, Registered(1)));
  EXPECT_EQ(observer.dropped(), many);
  observer.Add({Registered(2)});
  observer.CatchUp(Seconds(60));
  EXPECT_EQ(Updated(registry), 1);
}

}  // namespace
}  // namespace capbroker
