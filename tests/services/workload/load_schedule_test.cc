#include "services/workload/load_schedule.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <map>
#include <set>

#include "broker/values/text.h"
#include "services/workload/samples.h"

namespace capbroker {
namespace {

using Event = LoadEvent::Kind;
constexpr int64_t kAlways = std::numeric_limits<int64_t>::max();

std::string Show(const std::optional<LoadEvent>& event) {
  return event ? Cat(event->kind == Event::kCreate ? "create " : "release ", event->task) : "-";
}

// Starts everything that may start.
std::vector<std::string> Started(LoadSchedule& order, int64_t now = kAlways) {
  std::vector<std::string> out;
  while (const auto event = order.Next(now)) out.push_back(Show(event));
  return out;
}

using Names = std::vector<std::string>;

TEST(LoadSchedule, StrictKeepsTakingAndGivingBackInTheTracesOrder) {
  LoadSchedule order({{0, 10}, {5, 20}, {10, 30}}, 8, LoadSchedule::Rule::kStrict);
  EXPECT_EQ(Started(order), (Names{"create 0", "create 1"}));  // The release at 10 waits for both.
  order.OnDone({5, Event::kCreate, 1});
  EXPECT_EQ(Started(order), (Names{}));
  order.OnDone({0, Event::kCreate, 0});
  EXPECT_EQ(Started(order), (Names{"release 0"}));  // And at 10 it gives back before it takes.
  order.OnDone({10, Event::kRelease, 0});
  EXPECT_EQ(Started(order), (Names{"create 2"}));
  order.OnDone({10, Event::kCreate, 2});
  EXPECT_EQ(Started(order), (Names{"release 1", "release 2"}));
  EXPECT_FALSE(order.IsFinished());
  order.OnDone({20, Event::kRelease, 1});
  order.OnDone({30, Event::kRelease, 2});
  EXPECT_TRUE(order.IsFinished());
}

TEST(LoadSchedule, KeepsWithinItsConcurrency) {
  LoadSchedule order({{0, 9}, {0, 9}, {0, 9}}, 2, LoadSchedule::Rule::kStrict);
  EXPECT_EQ(Started(order), (Names{"create 0", "create 1"}));
  order.OnDone({0, Event::kCreate, 0});
  EXPECT_EQ(Started(order), (Names{"create 2"}));
}

TEST(LoadSchedule, PacedStartsAtItsTime) {
  LoadSchedule order({{0, 10}, {5, 6}}, 8, LoadSchedule::Rule::kPaced);
  EXPECT_EQ(Started(order, 4), (Names{"create 0"}));
  EXPECT_EQ(order.DueTime(), 5);
  EXPECT_EQ(Started(order, 5), (Names{"create 1"}));
  EXPECT_EQ(Started(order, 20), (Names{}));  // Both releases wait for their creations.
  EXPECT_EQ(order.DueTime(), std::nullopt);
  order.OnDone({0, Event::kCreate, 0});
  EXPECT_EQ(Started(order, 20), (Names{"release 0"}));
  order.OnDone({5, Event::kCreate, 1});
  EXPECT_EQ(Started(order, 20), (Names{"release 1"}));
  order.OnDone({10, Event::kRelease, 0});
  order.OnDone({6, Event::kRelease, 1});
  EXPECT_TRUE(order.IsFinished());
}

TEST(LoadSchedule, PacedWithAllAtOnceIsAClosedLoop) {
  LoadSchedule order({{0, 0}, {0, 0}, {0, 0}}, 1, LoadSchedule::Rule::kPaced);
  Names seen;
  while (const auto event = order.Next(0)) {
    seen.push_back(Show(event));
    order.OnDone(*event);
  }
  EXPECT_EQ(seen,
            (Names{"create 0", "release 0", "create 1", "release 1", "create 2", "release 2"}));
  EXPECT_TRUE(order.IsFinished());
}

RC_GTEST_PROP(LoadSchedule, StrictEndsEveryEarlierOfTheOtherSortFirst, ()) {
  const auto spans = *rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(0, 40), rc::gen::inRange(1, 20)));
  std::vector<TaskTimes> tasks;
  for (const auto& [create, length] : spans) tasks.push_back({create, create + length});
  const size_t concurrency = *rc::gen::inRange<size_t>(1, 6);
  LoadSchedule order(tasks, concurrency, LoadSchedule::Rule::kStrict);
  std::vector<LoadEvent> in_flight;
  std::set<size_t> created, released;
  for (;;) {
    const std::optional<LoadEvent> event = order.Next(kAlways);
    if (event) {
      RC_ASSERT(in_flight.size() < concurrency);
      for (size_t i = 0; i < tasks.size(); ++i) {
        if (event->kind == Event::kCreate && tasks[i].release <= event->time)
          RC_ASSERT(released.contains(i));
        if (event->kind == Event::kRelease && tasks[i].create < event->time)
          RC_ASSERT(created.contains(i));
      }
      in_flight.push_back(*event);
    }
    if (in_flight.empty()) break;
    if (event && *rc::gen::inRange(0, 2) == 0) continue;
    const size_t which = *rc::gen::inRange<size_t>(0, in_flight.size());
    const LoadEvent done = in_flight[which];
    in_flight.erase(in_flight.begin() + static_cast<std::ptrdiff_t>(which));
    RC_ASSERT((done.kind == Event::kCreate ? created : released).insert(done.task).second);
    order.OnDone(done);
  }
  RC_ASSERT(order.IsFinished());
  RC_ASSERT(released.size() == tasks.size());
}

TEST(Samples, PercentilesAreNearestRank) {
  Samples samples;
  EXPECT_EQ(samples.Percentile(500), 0);
  for (int64_t i = 10; i >= 1; --i) samples.Add(i * 100);
  EXPECT_EQ(samples.Percentile(0), 100);
  EXPECT_EQ(samples.Percentile(100), 100);
  EXPECT_EQ(samples.Percentile(101), 200);
  EXPECT_EQ(samples.Percentile(500), 500);
  EXPECT_EQ(samples.Percentile(900), 900);
  EXPECT_EQ(samples.Percentile(990), 1000);
  EXPECT_EQ(samples.Percentile(1000), 1000);
  samples.Add(50);  // After it was sorted.
  EXPECT_EQ(samples.Percentile(0), 50);
}

}  // namespace
}  // namespace capbroker
