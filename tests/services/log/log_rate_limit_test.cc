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

}  // namespace
}  // namespace capbroker
