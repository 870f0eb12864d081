#include "services/edge/quota.h"

#include <gtest/gtest.h>

#include <vector>

#include "services/edge/token_bucket.h"

namespace capbroker {
namespace {

TEST(QuotaTest, CapsAreInAllAndOfAKey) {
  Quota quota(4, 2);
  std::vector<Quota::Place> places;
  const auto take = [&](const std::string& key) {
    auto [place, refusal] = quota.Take(key);
    places.push_back(std::move(place));
    return refusal;
  };
  EXPECT_EQ(take("a"), Quota::Refusal::kNone);
  EXPECT_EQ(take("a"), Quota::Refusal::kNone);
  EXPECT_EQ(take("a"), Quota::Refusal::kKeyFull);
  EXPECT_EQ(take("b"), Quota::Refusal::kNone);
  EXPECT_EQ(take(""), Quota::Refusal::kNone);
  EXPECT_EQ(take("c"), Quota::Refusal::kFull);
  EXPECT_EQ(quota.taken(), 4u);
  places.erase(places.begin());
  EXPECT_EQ(take("a"), Quota::Refusal::kNone) << "the first one's place";
  places.clear();
  EXPECT_EQ(quota.taken(), 0u);
}

TEST(TokenBucketTest, SoMuchAtOnceAndSoMuchASecond) {
  TokenBucket bucket(10, 4);
  constexpr int64_t kHour = 3'600'000'000;
  EXPECT_EQ(bucket.Available(kHour), 10);
  EXPECT_TRUE(bucket.Take(kHour, 10));
  EXPECT_FALSE(bucket.Take(kHour));
  EXPECT_FALSE(bucket.Take(kHour + 249'999));
  EXPECT_TRUE(bucket.Take(kHour + 250'000));
  EXPECT_EQ(bucket.Available(kHour + 1'250'000), 4);
  EXPECT_EQ(bucket.Available(100 * kHour), 10) << "no more than at once";
  bucket.Spend(12);
  EXPECT_EQ(bucket.Available(100 * kHour), -2);
}

}  // namespace
}  // namespace capbroker
