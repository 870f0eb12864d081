// How people write durations, quantities, instants and shares; what is shown can be read back.
#include "services/notation/parse.h"

#include <gtest/gtest.h>

#include "broker/values/show.h"

namespace capbroker {
namespace {

constexpr int64_t kNone = -1;  // It is refused.

TEST(CliParse, Durations) {
  struct Case {
    const char* text;
    int64_t micros;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"90s", 90'000'000},
           {"2h", 7'200'000'000},
           {"3d", 259'200'000'000},
           {"1d12h", 129'600'000'000},
           {"1h30m15s", 5'415'000'000},
           {"250ms", 250'000},
           {"1.5h", 5'400'000'000},
           {"0.000001s", 1},
           {"0", 0},
           {"0s", 0},
           {"36500d", 3'153'600'000'000'000},
           {"36501d", kNone},
           {"", kNone},
           {"90", kNone},
           {"s", kNone},
           {"3 d", kNone},
           {"12h1d", kNone},  // The largest unit comes first.
           {"1d1d", kNone},
           {"-3d", kNone},
           {"1.s", kNone},
           {".5s", kNone},
           {"0.0000001s", kNone},  // Finer than a microsecond.
           {"3dayz", kNone},
           {"99999999999999999999d", kNone},
       }) {
    const absl::StatusOr<Span> got = ParseDuration(c.text);
    EXPECT_EQ(got.ok() ? got->micros : kNone, c.micros) << c.text;
    if (got.ok()) {
      EXPECT_EQ(ParseDuration(ShowSpan(*got)).value(), *got) << ShowSpan(*got);
    }
  }
}

TEST(CliParse, Quantities) {
  struct Case {
    const char* text;
    int64_t value;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"8000", 8000},
           {"8,000", 8000},
           {"1_000_000", 1'000'000},
           {"1 000", 1000},
           {"0", 0},
           {"", kNone},
           {"8,00", kNone},
           {"8,0000", kNone},
           {"8000,000", kNone},
           {",000", kNone},
           {"8,", kNone},
           {"1,000_000", kNone},  // One kind of separator.
           {"8k", kNone},
           {"-1", kNone},
           {"1.5", kNone},
           {"99999999999999999999", kNone},
       }) {
    const absl::StatusOr<int64_t> got = ParseQuantity(c.text);
    EXPECT_EQ(got.ok() ? *got : kNone, c.value) << c.text;
    if (got.ok()) {
      EXPECT_EQ(ParseQuantity(ShowQuantity(*got)).value(), *got);
    }
  }
  EXPECT_EQ(ShowQuantity(-1234567), "-1,234,567");
  EXPECT_EQ(ShowQuantity(999), "999");
}

TEST(CliParse, Amounts) {
  struct Case {
    const char* text;
    const char* shown;  // Empty: refused.
  };
  for (const Case& c : std::initializer_list<Case>{
           {"2.5 USD", "2.5 USD"},
           {"250,000,000,000 USD", "250,000,000,000 USD"},
           {"1_000.25 EUR", "1,000.25 EUR"},
           {"-1,000 USD", "-1,000 USD"},
           {"0 USD", "0 USD"},
           {"2.5USD", ""},
           {"2.5", ""},
           {"2.5 usd", ""},
           {"25,00 USD", ""},
           {"2.0000001 USD", ""},
           {"lots", ""},
           {"", ""},
       }) {
    const absl::StatusOr<Money> got = ParseAmount(c.text);
    EXPECT_EQ(got.ok() ? ShowMoney(*got) : "", c.shown) << c.text;
  }
}

TEST(CliParse, Instants) {
  const Instant now = *ParseInstant("2025-02-03T09:00:00Z");
  struct Case {
    const char* text;
    const char* shown;  // Empty: refused.
  };
  for (const Case& c : std::initializer_list<Case>{
           {"2025-02-06T09:00:00Z", "2025-02-06T09:00:00Z"},
           {"2025-02-06T09:00:00.25Z", "2025-02-06T09:00:00.250Z"},
           {"2025-02-06T11:00:00+02:00", "2025-02-06T09:00:00Z"},
           {"2025-02-06", "2025-02-06T00:00:00Z"},
           {"+36h", "2025-02-04T21:00:00Z"},
           {"+3d", "2025-02-06T09:00:00Z"},
           {"+0", "2025-02-03T09:00:00Z"},
           {"", ""},
           {"tomorrow", ""},
           {"2025-02-30", ""},
           {"2025-02-06T09:00:00", ""},  // It names no time zone.
           {"1969-12-31T23:59:59Z", ""},
           {"10000-01-01T00:00:00Z", ""},
           {"infinite-future", ""},
           {"+soon", ""},
       }) {
    const absl::StatusOr<Instant> got = ParseWhen(c.text, now);
    EXPECT_EQ(got.ok() ? ShowTime(*got) : "", c.shown) << c.text;
  }
  EXPECT_EQ(ShowTime(Instant{}), "-");
  EXPECT_EQ(ShowTime(now + Span{1'999}), "2025-02-03T09:00:00.001Z");
}

TEST(CliParse, Shares) {
  struct Case {
    const char* text;
    int64_t ppm;
    const char* shown;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"50%", 500'000, "50%"},
           {"2.5%", 25'000, "2.5%"},
           {"99.95%", 999'500, "99.95%"},
           {"0.5", 500'000, "50%"},
           {"1", 1'000'000, "100%"},
           {"500000ppm", 500'000, "50%"},
           {"0.0001%", 1, "0.0001%"},
           {"0%", 0, "0%"},
           {"101%", kNone, ""},
           {"0.00001%", kNone, ""},  // Finer than a part per million.
           {"half", kNone, ""},
           {"%", kNone, ""},
           {"", kNone, ""},
       }) {
    const absl::StatusOr<int64_t> got = ParseShare(c.text);
    EXPECT_EQ(got.ok() ? *got : kNone, c.ppm) << c.text;
    if (got.ok()) {
      EXPECT_EQ(ShowShare(*got), c.shown);
    }
  }
}

}  // namespace
}  // namespace capbroker
