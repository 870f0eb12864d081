#include "services/log/log_rate_limit.h"

#include <gtest/gtest.h>

namespace capbroker {
namespace {

TEST(LogRateLimit, SaysOneASecondAndHowManyItLeftOut) {
  LogRateLimit limit;
  EXPECT_EQ(limit.Admit(7), 0u);
  EXPECT_EQ(limit.Admit(7), std::nullopt);
  EXPECT_EQ(limit.Admit(7), std::nullopt);
  EXPECT_EQ(limit.Admit(8), 2u);
  EXPECT_EQ(limit.Admit(9), 0u);
}

TEST(LogRateLimits, OneKindDoesNotHideAnother) {
  LogRateLimits limits;
  EXPECT_EQ(limits.Admit("a", 7), 0u);
  EXPECT_EQ(limits.Admit("b", 7), 0u);
  EXPECT_EQ(limits.Admit("a", 7), std::nullopt);
  EXPECT_EQ(limits.Admit("b", 8), 0u);
  EXPECT_EQ(limits.Admit("a", 8), 1u);
}

}  // namespace
}  // namespace capbroker
