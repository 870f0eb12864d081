// R10, field by field.
#include "broker/routing/compare.h"

#include <gmock/gmock.h>

#include <functional>

#include "tests/broker/story.h"

namespace capbroker {
namespace {

struct Case {
  std::string name;
  std::function<void(Terms&)> bid;
  std::string want;  // "name got | bound", with "!" where material.
};
class CompareTable : public testing::TestWithParam<Case> {};

TEST_P(CompareTable, Tells) {
  Terms refused = SomeRequest(8000, "X").terms;
  refused.conditions = {"renewable power"};
  Terms bid = refused;
  GetParam().bid(bid);
  std::string told;
  for (const TermDifference& d :
       CompareTerms(refused, bid, {.price_ppm = 20'000, .start = Hours(24)})) {
    if (!told.empty()) told += "; ";
    told += Cat(d.material ? "!" : "", d.figure.name, " ", d.figure.got, " | ", d.figure.bound);
  }
  EXPECT_EQ(told, GetParam().want);
}

const std::string kSame = "unit_price 2.5 USD (+0 %) | at most 2.55 USD";
INSTANTIATE_TEST_SUITE_P(
    R10, CompareTable,
    testing::Values(
        Case{"TheSame", [](Terms&) {}, kSame},
        Case{"ARemainder", [](Terms& t) { t.quantity = 3000; }, kSame},
        Case{"AtTheTolerance", [](Terms& t) { t.unit_price = *ParseMoney("2.55 USD"); },
             "unit_price 2.55 USD (+2 %) | at most 2.55 USD"},
        Case{"AMicroOverIt", [](Terms& t) { t.unit_price = *ParseMoney("2.550001 USD"); },
             "!unit_price 2.550001 USD (+2 %) | at most 2.55 USD"},
        Case{"Cheaper", [](Terms& t) { t.unit_price = *ParseMoney("2.4 USD"); },
             "unit_price 2.4 USD (-4 %) | at most 2.55 USD"},
        Case{"LowerService", [](Terms& t) { t.availability_ppm = 998'999; },
             kSame + "; !availability_ppm 998999 | at least 999000"},
        Case{"BetterService", [](Terms& t) { t.availability_ppm = 999'500; },
             kSame + "; availability_ppm 999500 | at least 999000"},
        Case{"LaterWithinTolerance",
             [](Terms& t) {
               t.start = t.start + Hours(24);
               t.end = t.end + Hours(24);
             },
             kSame + "; start 2025-06-02T00:00:00.000000Z | at most 2025-06-02T00:00:00.000000Z"},
        Case{"LaterThanThat",
             [](Terms& t) {
               t.start = t.start + Hours(24) + Span{1};
               t.end = t.end + Hours(24) + Span{1};
             },
             kSame + "; !start 2025-06-02T00:00:00.000001Z | at most 2025-06-02T00:00:00.000000Z"},
        Case{"AnotherDuration", [](Terms& t) { t.end = t.end + Span{1}; },
             kSame + "; !duration 2592000.000001s | 2592000s"},
        Case{"ADroppedCondition", [](Terms& t) { t.conditions = {"night hours only"}; },
             kSame + "; !conditions dropped | renewable power"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace capbroker
