// Schedule of calls to providers, by a clock of the test.
#include "services/delivery/courier.h"

#include <gtest/gtest.h>

namespace capbroker {
namespace {

const ProviderId kAzure{"azure"}, kCoreweave{"coreweave"};
constexpr Instant kNow{1'790'000'000'000'000};
constexpr Instant kDeadline = kNow + Hours(1);

class CourierTest : public ::testing::Test {
 protected:
  CourierTest()
      : courier_({.first_pause = Seconds(1),
                  .longest_pause = Seconds(8),
                  .in_flight_each = 3,
                  .in_flight = 5,
                  .breaker_failures = 4,
                  .breaker_pause = Seconds(30)},
                 7) {
    courier_.Add(kAzure, false);
    courier_.Add(kCoreweave, false);
  }
  static OfferKey Key(uint8_t n) {
    RequestId id;
    id.bytes[0] = n;
    return {id, 1};
  }
  void Open(uint8_t n, const ProviderId& provider, bool by_right = false,
            Instant deadline = kDeadline) {
    courier_.OpenOffer(Key(n), provider, by_right, deadline, "desk:1", now_);
  }
  // Starts as many calls as may start now.
  size_t Started() { return courier_.Start(now_).size(); }
  Courier::Finished Fail(uint8_t n, const ProviderId& provider) {
    return courier_.Finish(Key(n), provider, "UNAVAILABLE", "", Courier::Next::kRetry, now_);
  }
  Courier::Finished Deliver(uint8_t n, const ProviderId& provider) {
    return courier_.Finish(Key(n), provider, AttemptLog::kDelivered, "", Courier::Next::kIdle,
                           now_);
  }
  // Fails offer `n` until the provider's circuit breaker opens.
  void Break(uint8_t n, const ProviderId& provider) {
    for (int i = 0; i < 4; ++i) {
      now_ = std::max(now_, courier_.Due());
      ASSERT_EQ(Started(), 1);
      EXPECT_EQ(Fail(n, provider).healthy, i == 3 ? std::optional(false) : std::nullopt);
    }
  }

  Instant now_ = kNow;
  Courier courier_;
};

TEST_F(CourierTest, CallsOutAreBoundedForEachProviderAndInAll) {
  for (uint8_t n = 0; n < 6; ++n) Open(n, kAzure);
  for (uint8_t n = 10; n < 16; ++n) Open(n, kCoreweave);
  std::map<ProviderId, int> calls;
  for (const Courier::Attempt& attempt : courier_.Start(now_)) ++calls[attempt.provider];
  EXPECT_EQ(calls[kAzure] + calls[kCoreweave], 5);
  EXPECT_LE(calls[kAzure], 3);
  EXPECT_LE(calls[kCoreweave], 3);
  EXPECT_EQ(courier_.Due(), kLastInstant) << "nothing starts before one ends";
}

TEST_F(CourierTest, PausesAreDrawnBelowABoundThatDoubles) {
  Open(1, kAzure, true);
  std::vector<int64_t> longest(6);
  for (int run = 0; run < 200; ++run) {
    Courier courier(
        {.first_pause = Seconds(1), .longest_pause = Seconds(8), .breaker_failures = 1000},
        static_cast<uint64_t>(run + 1));
    courier.Add(kAzure, false);
    courier.OpenOffer(Key(1), kAzure, true, kDeadline, "", kNow);
    Instant now = kNow;
    for (int64_t& most : longest) {
      ASSERT_EQ(courier.Start(now).size(), 1);
      courier.Finish(Key(1), kAzure, "UNAVAILABLE", "", Courier::Next::kRetry, now);
      most = std::max(most, (courier.Due() - now).micros);
      now = courier.Due();
    }
  }
  const int64_t bounds[] = {1, 2, 4, 8, 8, 8};
  for (size_t i = 0; i < longest.size(); ++i) {
    EXPECT_LE(longest[i], bounds[i] * 1'000'000) << i;
    EXPECT_GT(longest[i], bounds[i] * 800'000) << i;  // The pause is drawn from the whole range.
  }
}

TEST_F(CourierTest, NothingStartsAfterTheDeadlineOrTheEnd) {
  Open(1, kAzure, true, kNow + Seconds(10));
  Open(2, kAzure, true);
  courier_.CloseOffer(Key(2));
  now_ = kNow + Seconds(10);
  EXPECT_EQ(Started(), 1) << "the deadline itself is timely";
  Fail(1, kAzure);
  now_ = kNow + Seconds(60);
  EXPECT_EQ(Started(), 0);
  Open(1, kAzure, true, kNow + Seconds(90));
  EXPECT_EQ(Started(), 1) << "it got more time";
}

TEST_F(CourierTest, AnOfferThatEndsDuringItsCallIsStillToldOf) {
  Open(1, kAzure);
  ASSERT_EQ(Started(), 1);
  EXPECT_FALSE(courier_.CloseOffer(Key(1)));
  const Courier::Finished finished = Deliver(1, kAzure);
  ASSERT_TRUE(finished.notice);
  EXPECT_EQ(finished.notice->outcome, "DELIVERED");
  EXPECT_FALSE(courier_.Has(Key(1)));
}

// R23.
TEST_F(CourierTest, ABrokenAlternativeWaitsForAProbeAndARightDoesNot) {
  Open(1, kAzure);
  Break(1, kAzure);
  Open(2, kAzure);
  EXPECT_EQ(Started(), 0) << "alternatives wait";
  EXPECT_EQ(courier_.standings(now_)[0].breaker, Breaker::State::kOpen);
  Open(3, kAzure, true);
  Open(4, kAzure, true);
  EXPECT_EQ(Started(), 1) << "rights do not, one at a time";
  Fail(3, kAzure);
  EXPECT_EQ(Started(), 1);
  Fail(4, kAzure);
  courier_.CloseOffer(Key(3));
  courier_.CloseOffer(Key(4));

  now_ = now_ + Seconds(30);
  EXPECT_EQ(courier_.standings(now_)[0].breaker, Breaker::State::kHalfOpen);
  const std::vector<Courier::Attempt> probe = courier_.Start(now_);
  ASSERT_EQ(probe.size(), 1);
  EXPECT_EQ(Deliver(probe[0].key.first.bytes[0], kAzure).healthy, true);
  EXPECT_EQ(courier_.standings(now_)[0].breaker, Breaker::State::kClosed);
  now_ = now_ + Seconds(8);
  EXPECT_EQ(Started(), 1) << "and the others follow";
}

TEST_F(CourierTest, AProbeThatFailsOpensItAnew) {
  Open(1, kAzure);
  Break(1, kAzure);
  now_ = now_ + Seconds(30);
  ASSERT_EQ(Started(), 1);
  EXPECT_EQ(Fail(1, kAzure).healthy, std::nullopt) << "it was reported already";
  now_ = now_ + Seconds(29);
  EXPECT_EQ(Started(), 0);
  now_ = now_ + Seconds(1);
  EXPECT_EQ(Started(), 1);
}

TEST_F(CourierTest, CallsOfAProviderThatWasTakenAwayAreStillCounted) {
  for (uint8_t n = 0; n < 3; ++n) Open(n, kAzure);
  ASSERT_EQ(Started(), 3);
  courier_.Remove(kAzure);
  courier_.Add(kAzure, false);
  Open(7, kAzure);
  EXPECT_EQ(Started(), 0) << "three are out";
  Deliver(0, kAzure);
  EXPECT_EQ(Started(), 1);
  for (const uint8_t n : {1, 2, 7}) Deliver(n, kAzure);
  EXPECT_EQ(courier_.in_flight(), 0);
}

}  // namespace
}  // namespace capbroker
