#include "services/sequencing/feed.h"

#include <gtest/gtest.h>

#include "broker/values/refusal.h"

namespace capbroker {
namespace {

Change ChangeOf(const std::string& owner, const std::vector<std::string>& providers = {},
                uint64_t sequence = 1) {
  auto request = std::make_shared<RequestBook>();
  request->sequence = sequence;
  for (const std::string& provider : providers) {
    request->offers.emplace_back().provider = ProviderId{provider};
  }
  return {OwnerId{owner}, request, nullptr};
}

class FeedTest : public testing::Test {
 protected:
  Subscription::Wake Count(int& wakes) {
    return [&wakes] { wakes++; };
  }
  Feed feed;
  int wakes = 0;
};

TEST_F(FeedTest, TellsEachWhatConcernsIt) {
  int openai = 0, azure = 0, oracle = 0;
  const auto by_owner = feed.WatchOwner(OwnerId{"openai"}, 10, Count(openai));
  const auto by_azure = feed.WatchProvider(ProviderId{"azure"}, 10, Count(azure));
  const auto by_oracle = feed.WatchProvider(ProviderId{"oracle"}, 10, Count(oracle));
  feed.Publish(
      {ChangeOf("openai", {"azure", "azure"}), ChangeOf("other", {"azure"}), ChangeOf("openai")});
  EXPECT_EQ(by_owner->Take()->size(), 2);
  EXPECT_EQ(by_azure->Take()->size(), 2);
  EXPECT_EQ(by_oracle->Take()->size(), 0);
  EXPECT_EQ(openai, 1);  // One batch, one call.
  EXPECT_EQ(azure, 1);
  EXPECT_EQ(oracle, 0);
}

TEST_F(FeedTest, TellsOfTheRegistryOnlyWhoWatchesIt) {
  int azure = 0;
  const auto registry = feed.WatchDirectory(10, Count(wakes));
  const auto by_azure = feed.WatchProvider(ProviderId{"azure"}, 10, Count(azure));
  feed.Publish({Change{kDirectory, nullptr, nullptr}, ChangeOf("openai")});
  EXPECT_EQ(registry->Take()->size(), 1);
  EXPECT_EQ(wakes, 1);
  EXPECT_EQ(azure, 0);
  feed.EndAll(Refuse(absl::StatusCode::kUnavailable, "SHUTTING_DOWN", ""));
  EXPECT_FALSE(registry->Take().ok());
}

TEST_F(FeedTest, WakesAgainOnlyWhenEverythingWasTaken) {
  const auto watcher = feed.WatchOwner(OwnerId{"openai"}, 10, Count(wakes));
  feed.Publish({ChangeOf("openai")});
  feed.Publish({ChangeOf("openai")});
  EXPECT_EQ(wakes, 1);
  EXPECT_EQ(watcher->Take()->size(), 2);
  feed.Publish({ChangeOf("openai")});
  EXPECT_EQ(wakes, 2);
}

TEST_F(FeedTest, EndsASlowWatcherAndNoOther) {
  int others = 0;
  const auto slow = feed.WatchOwner(OwnerId{"openai"}, 3, Count(wakes));
  const auto other = feed.WatchOwner(OwnerId{"openai"}, 100, Count(others));
  for (uint64_t i = 1; i <= 5; ++i) feed.Publish({ChangeOf("openai", {}, i)});
  const auto kept = slow->Take();
  ASSERT_TRUE(kept.ok());
  ASSERT_EQ(kept->size(), 3);  // The oldest, without a gap.
  EXPECT_EQ(kept->back().request->sequence, 3);
  EXPECT_TRUE(absl::IsResourceExhausted(slow->Take().status()));
  EXPECT_EQ(ReasonOf(slow->Take().status()), "SLOW_READER");
  feed.Publish({ChangeOf("openai")});
  EXPECT_FALSE(slow->Take().ok());  // An end is an end.
  EXPECT_EQ(other->Take()->size(), 6);
  EXPECT_EQ(feed.counts().slow, 1);
}

TEST_F(FeedTest, CountsWhoWatches) {
  const auto owner = feed.WatchOwner(OwnerId{"openai"}, 10, Count(wakes));
  auto provider = feed.WatchProvider(ProviderId{"azure"}, 10, Count(wakes));
  EXPECT_EQ(feed.counts().owners, 1);
  EXPECT_EQ(feed.counts().providers, 1);
  EXPECT_EQ(feed.counts().slow, 0);
  provider = nullptr;
  EXPECT_EQ(feed.counts().providers, 0);
}

TEST_F(FeedTest, EndsAllAndOpensAgain) {
  const auto before = feed.WatchOwner(OwnerId{"openai"}, 10, Count(wakes));
  feed.EndAll(absl::UnavailableError("gone"));
  EXPECT_EQ(wakes, 1);
  EXPECT_TRUE(absl::IsUnavailable(before->Take().status()));
  const auto meanwhile = feed.WatchProvider(ProviderId{"azure"}, 10, Count(wakes));
  EXPECT_TRUE(absl::IsUnavailable(meanwhile->Take().status()));
  feed.Open();
  const auto after = feed.WatchOwner(OwnerId{"openai"}, 10, Count(wakes));
  feed.Publish({ChangeOf("openai")});
  EXPECT_EQ(after->Take()->size(), 1);
}

TEST_F(FeedTest, AWatcherMayWatchAndTakeWhileItIsWoken) {
  std::shared_ptr<Subscription> first, second;
  first = feed.WatchOwner(OwnerId{"openai"}, 10, [&] {
    EXPECT_EQ(first->Take()->size(), 1);
    second = feed.WatchOwner(OwnerId{"openai"}, 10, [] {});
  });
  feed.Publish({ChangeOf("openai")});
  EXPECT_NE(second, nullptr);
}

TEST_F(FeedTest, ForgetsThoseThatWereDropped) {
  for (int i = 0; i < 1000; ++i)
    feed.WatchOwner(OwnerId{"o" + std::to_string(i)}, 10, Count(wakes));
  feed.Publish({ChangeOf("o1"), ChangeOf("o999")});
  EXPECT_EQ(wakes, 0);
}

}  // namespace
}  // namespace capbroker
