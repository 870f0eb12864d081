#include "services/log/seldom.h"

#include <gtest/gtest.h>

namespace capbroker {
namespace {

TEST(Seldom, SaysOneASecondAndHowManyItLeftOut) {
  Seldom seldom;
  EXPECT_EQ(seldom.Take(7), 0u);
  EXPECT_EQ(seldom.Take(7), std::nullopt);
  EXPECT_EQ(seldom.Take(7), std::nullopt);
  EXPECT_EQ(seldom.Take(8), 2u);
  EXPECT_EQ(seldom.Take(9), 0u);
}

}  // namespace
}  // namespace capbroker
