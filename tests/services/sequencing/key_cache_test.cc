#include "services/sequencing/key_cache.h"

#include <gtest/gtest.h>

namespace capbroker {
namespace {

const OwnerId kOwner{"openai"};

IdempotencyKey KeyOf(uint8_t n) { return {n}; }
KeyCache::Known Answered() { return {{}, absl::StatusOr<Outcome>(Outcome{})}; }

TEST(KeyCache, ForgetsTheOldestThatWasNotAskedFor) {
  KeyCache keys(3, 3);
  for (uint8_t n : {1, 2, 3}) keys.Put(kOwner, KeyOf(n), Answered());
  EXPECT_NE(keys.Find(kOwner, KeyOf(1)), nullptr);
  keys.Put(kOwner, KeyOf(4), Answered());
  EXPECT_EQ(keys.size(), 3);
  EXPECT_EQ(keys.Find(kOwner, KeyOf(2)), nullptr);
  EXPECT_NE(keys.Find(kOwner, KeyOf(1)), nullptr);
}

TEST(KeyCache, KeepsKeysLongerThanAnswers) {
  KeyCache keys(10, 2);
  for (uint8_t n : {1, 2, 3}) keys.Put(kOwner, KeyOf(n), Answered());
  EXPECT_FALSE(keys.Find(kOwner, KeyOf(1))->answer.has_value());
  EXPECT_TRUE(keys.Find(kOwner, KeyOf(2))->answer.has_value());
  keys.Put(kOwner, KeyOf(1), Answered());  // Read again from the ledger.
  EXPECT_TRUE(keys.Find(kOwner, KeyOf(1))->answer.has_value());
  EXPECT_FALSE(keys.Find(kOwner, KeyOf(2))->answer.has_value());
}

TEST(KeyCache, TellsOwnersApart) {
  KeyCache keys(10, 10);
  keys.Put(kOwner, KeyOf(1), Answered());
  EXPECT_EQ(keys.Find(OwnerId{"other"}, KeyOf(1)), nullptr);
  keys.Forget(kOwner, KeyOf(1));
  EXPECT_EQ(keys.Find(kOwner, KeyOf(1)), nullptr);
}

TEST(KeyCache, KeepsEveryKeyThatIsNotDurable) {
  KeyCache keys(1, 1);
  for (uint8_t n : {1, 2, 3}) keys.PutUndurable(kOwner, KeyOf(n), Answered());
  for (uint8_t n : {4, 5, 6}) keys.Put(kOwner, KeyOf(n), Answered());
  for (uint8_t n : {1, 2, 3}) {
    ASSERT_NE(keys.Find(kOwner, KeyOf(n)), nullptr);
    EXPECT_TRUE(keys.Find(kOwner, KeyOf(n))->answer.has_value());
  }
  EXPECT_EQ(keys.size(), 4);
  keys.Forget(kOwner, KeyOf(3));
  for (uint8_t n : {1, 2}) keys.MarkDurable(kOwner, KeyOf(n));
  EXPECT_EQ(keys.size(), 1);
  EXPECT_NE(keys.Find(kOwner, KeyOf(2)), nullptr);
}

TEST(KeyCacheDeathTest, StopsWhenAKeyIsToBeWrittenTwice) {
  KeyCache keys(3, 3);
  keys.PutUndurable(kOwner, KeyOf(1), Answered());
  EXPECT_DEATH(keys.PutUndurable(kOwner, KeyOf(1), Answered()),
               "a key of openai is to be written twice");
}

TEST(KeyCache, StaysBoundedWhenTheSameKeyComesAgainAndAgain) {
  KeyCache keys(2, 2);
  for (int i = 0; i < 1000; ++i) keys.Put(kOwner, KeyOf(1), Answered());
  EXPECT_EQ(keys.size(), 1);
  EXPECT_TRUE(keys.Find(kOwner, KeyOf(1))->answer.has_value());
}

}  // namespace
}  // namespace capbroker
