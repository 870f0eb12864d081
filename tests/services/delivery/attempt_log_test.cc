#include "services/delivery/attempt_log.h"

#include <gtest/gtest.h>

namespace capbroker {
namespace {

TEST(AttemptLog, TellsOfTheFirstOfEveryDoublingAndOfChanges) {
  AttemptLog log("desk:1");
  std::string told;
  for (int i = 1; i <= 9; ++i) {
    if (const auto notice = log.Add("UNAVAILABLE", "")) told += std::to_string(notice->last) + " ";
  }
  EXPECT_EQ(told, "1 2 4 8 ");
  const auto delivered = log.Add(AttemptLog::kDelivered, "declines");
  ASSERT_TRUE(delivered);
  EXPECT_EQ(delivered->outcome, "DELIVERED");
  EXPECT_EQ(delivered->text, "attempt 10 to desk:1: declines; attempt 9 before it: UNAVAILABLE");
  EXPECT_FALSE(log.Flush());
}

TEST(AttemptLog, TheRestIsToldAtTheEnd) {
  AttemptLog log("desk:1");
  EXPECT_FALSE(log.Flush());
  for (int i = 1; i <= 7; ++i) log.Add("UNAVAILABLE", "refused");
  const auto rest = log.Flush();
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->text, "attempt 7 to desk:1: refused; attempts 5 to 6 before it: UNAVAILABLE");
  EXPECT_FALSE(log.Flush());
}

TEST(AttemptLog, OutcomesThatAlternateDoNotFillTheTrail) {
  AttemptLog log("desk:1");
  int entries = 0;
  for (int i = 0; i < 1000; ++i)
    entries += log.Add(i % 2 == 0 ? "UNAVAILABLE" : "INTERNAL", "").has_value();
  EXPECT_LE(entries, AttemptLog::kMostEntries + 10);
  const auto rest = log.Flush();
  ASSERT_TRUE(rest);
  EXPECT_NE(rest->text.find("and others"), std::string::npos) << rest->text;
  EXPECT_TRUE(log.Add(AttemptLog::kDelivered, "")) << "this one is always told of";
}

TEST(AttemptLog, WhatCouldNotBeRecordedIsToldOfWithTheNext) {
  AttemptLog log("desk:1");
  const auto lost = log.Add("UNAVAILABLE", "");
  ASSERT_TRUE(lost);
  log.NotRecorded(*lost);
  const auto next = log.Add("UNAVAILABLE", "");
  ASSERT_TRUE(next);
  EXPECT_EQ(next->text, "attempt 2 to desk:1; attempt 1 before it: UNAVAILABLE");
}

}  // namespace
}  // namespace capbroker
