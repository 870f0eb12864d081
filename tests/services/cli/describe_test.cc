// Every kind of decision has a sentence, and the sentences read well.
#include "broker/trail/describe.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace capbroker {
namespace {

// A decision with every field set that its kind could need.
Decision Full(Kind kind) {
  Decision d{.kind = kind};
  d.lineage = 1;
  d.provider = {"azure"};
  d.offer_kind = OfferKind::kFirstOffer;
  d.clause = {{"azure"}, 2, {"C2"}};
  d.clauses = {d.clause};
  d.quantity = 8000;
  d.unit_price = *ParseMoney("2.5 USD");
  d.amount = *ParseMoney("1000000 USD");
  d.deadline = d.take_by = d.confirm_by = d.close_by = d.dispute_by = d.attest_by = d.takes_effect =
      d.end_time = *ParseInstant("2025-02-06T09:00:00Z");
  d.decline = DeclineReason::kPrice;
  d.reason = "SILENCE";
  d.passed = {{{"coreweave"}, {}, "PRICE_CAP", "asks 4 USD, the cap is 3 USD"}};
  d.figures = {{"share_ppm", "600000", "500000"}};
  d.downtime = Seconds(90);
  return d;
}

TEST(Describe, EveryKindHasItsOwnSentence) {
  std::vector<std::string> seen;
  for (size_t i = 0; i < Names<Kind>::values.size(); ++i) {
    const Kind kind = static_cast<Kind>(i);
    const std::string text = Describe(Full(kind));
    EXPECT_FALSE(text.empty()) << NameOf(kind);
    EXPECT_EQ(text.find('\n'), std::string::npos) << NameOf(kind);
    EXPECT_EQ(text.find("  "), std::string::npos) << NameOf(kind) << ": " << text;
    EXPECT_EQ(std::count(seen.begin(), seen.end(), text), 0) << NameOf(kind) << ": " << text;
    EXPECT_FALSE(Describe(Decision{.kind = kind}).empty()) << NameOf(kind) << ", with nothing set";
    seen.push_back(text);
  }
}

TEST(Describe, ReadsWell) {
  Decision d = Full(Kind::OFFER_OPENED);
  d.offer = 1;
  EXPECT_EQ(Describe(d),
            "azure is asked first for 8,000 (azure/2/C2), at 2.5 USD, until 2025-02-06T09:00:00Z "
            "[offer 1]");
  d.min_quantity = 1000;
  d.quantity_step = 8;
  d.unit_price = {};
  EXPECT_EQ(Describe(d),
            "azure is asked first for 8,000, or 1,000 and more in steps of 8 (azure/2/C2), until "
            "2025-02-06T09:00:00Z [offer 1]");
  EXPECT_EQ(Describe(Full(Kind::WAIVER_TESTED)),
            "waiver azure/2/C2 does not apply, SILENCE: share 60% against 50%");
  EXPECT_EQ(Describe(Full(Kind::REQUEST_UNFILLED)),
            "nobody supplies it: coreweave PRICE_CAP (asks 4 USD, the cap is 3 USD)");
  EXPECT_EQ(Describe(Full(Kind::RIGHT_WAIVED)),
            "the right of azure over 8,000 is waived (azure/2/C2), SILENCE; it revives after "
            "2025-02-06T09:00:00Z");
  EXPECT_EQ(Describe(Full(Kind::DEADLINE_TOLLED)),
            "azure has until 2025-02-06T09:00:00Z: the broker was away for 1m30s (azure/2/C2)");
}

TEST(Describe, APartysWordsStayWords) {
  Decision d = Full(Kind::OFFER_DECLINED);
  d.text = "no\n1  forged  row";
  EXPECT_EQ(Describe(d), "azure declines: PRICE \"no 1  forged  row\"");
}

}  // namespace
}  // namespace capbroker
