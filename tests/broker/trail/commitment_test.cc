#include "broker/trail/commitment.h"

#include <gtest/gtest.h>

#include <limits>

namespace capbroker {
namespace {

const Currency kUsd = *ParseCurrency("USD");
const Instant kStart{1'700'000'000'000'000};

Money Usd(int64_t units) { return {units * 1'000'000, kUsd}; }
Span Days(int64_t n) { return Hours(24 * n); }

std::shared_ptr<const AgreementVersion> VersionOf(uint32_t number, Instant from, int64_t units,
                                                  Instant term_end) {
  auto version = std::make_shared<AgreementVersion>();
  version->agreement = {"azure"};
  version->version = number;
  version->holder = {"azure"};
  version->effective_from = from;
  version->clauses.push_back({.id = {"C4"}, .content = CommitmentClause{Usd(units)}});
  if (term_end.IsSet()) {
    version->clauses.push_back({.id = {"C5"}, .content = Term{term_end}});
  }
  return version;
}

// 1000 USD from kStart over 100 days, of which `drawn` and `reserved` are gone.
Account AccountOf(Money drawn, Money reserved = Usd(0), Instant term_end = kStart + Days(100)) {
  Account account;
  account.agreements = {VersionOf(1, kStart, 1000, term_end)};
  account.commitments = {{{"azure"}, {"C4"}, Usd(1000), reserved, drawn}};
  return account;
}

CommitmentStatement At(const Account& account, Instant now) {
  return StatementOf(account, {{"azure"}, 0, {"C4"}}, now);
}

TEST(CommitmentTest, AccountsForAllThatIsCommitted) {
  const CommitmentStatement s = At(AccountOf(Usd(300), Usd(150)), kStart + Days(10));
  EXPECT_EQ(s.committed, Usd(1000));
  EXPECT_EQ(s.reserved, Usd(150));
  EXPECT_EQ(s.drawn, Usd(300));
  EXPECT_EQ(s.left, Usd(550));
  EXPECT_EQ(s.since, kStart);
  EXPECT_EQ(s.term_end, kStart + Days(100));
  EXPECT_EQ(s.clause, (ClauseRef{{"azure"}, 1, {"C4"}}));
}

TEST(CommitmentTest, ForecastsLinearlyToTheTermsEnd) {
  struct Case {
    const char* name;
    Money drawn;
    Instant now;
    Money forecast, shortfall, pace;
  };
  const Case cases[] = {
      {"on course", Usd(100), kStart + Days(10), Usd(1000), Usd(0), Usd(10)},
      {"behind", Usd(50), kStart + Days(10), Usd(500), Usd(500), Usd(5)},
      {"ahead", Usd(200), kStart + Days(10), Usd(2000), Usd(0), Usd(20)},
      {"nothing yet", Usd(0), kStart + Days(50), Usd(0), Usd(1000), Usd(0)},
      // 1 micro in 3 days: 33.3 at the end, 0.33 a day; both round down.
      {"rounded down", {1, kUsd}, kStart + Days(3), {33, kUsd}, {999'999'967, kUsd}, {0, kUsd}},
      {"at the start", Usd(0), kStart, Usd(0), Usd(1000), Usd(0)},
      {"before the start", Usd(0), kStart - Days(1), Usd(0), Usd(1000), Usd(0)},
      {"at the end", Usd(400), kStart + Days(100), Usd(400), Usd(600), Usd(4)},
      {"after the end", Usd(400), kStart + Days(200), Usd(400), Usd(600), Usd(2)},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const CommitmentStatement s = At(AccountOf(c.drawn), c.now);
    EXPECT_EQ(s.forecast_drawn, c.forecast);
    EXPECT_EQ(s.shortfall, c.shortfall);
    EXPECT_EQ(s.daily_pace, c.pace);
  }
}

TEST(CommitmentTest, StaysInRange) {
  // The largest amount, drawn within a microsecond of a term of a hundred years.
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  Account account = AccountOf({kMost, kUsd}, Usd(0), kStart + kLongestSpan);
  account.commitments[0].committed = {kMost, kUsd};
  const CommitmentStatement s = At(account, kStart + Span{1});
  EXPECT_EQ(s.forecast_drawn.micros, kMost);
  EXPECT_EQ(s.daily_pace.micros, kMost);
  EXPECT_EQ(s.shortfall, Usd(0));
}

TEST(CommitmentTest, WithoutATermForecastsNothing) {
  const CommitmentStatement s = At(AccountOf(Usd(50), Usd(0), Instant{}), kStart + Days(10));
  EXPECT_FALSE(s.term_end.IsSet());
  EXPECT_FALSE(s.forecast_drawn.IsSet());
  EXPECT_FALSE(s.shortfall.IsSet());
  EXPECT_EQ(s.daily_pace, Usd(5));
}

TEST(CommitmentTest, RunsOnOverVersions) {
  Account account = AccountOf(Usd(100));
  account.agreements.push_back(VersionOf(2, kStart + Days(10), 1500, kStart + Days(200)));
  account.commitments[0].committed = Usd(1500);
  const CommitmentStatement s = At(account, kStart + Days(20));
  EXPECT_EQ(s.clause.version, 2u);
  EXPECT_EQ(s.since, kStart);
  EXPECT_EQ(s.term_end, kStart + Days(200));
  EXPECT_EQ(s.forecast_drawn, Usd(1000));
  EXPECT_EQ(s.shortfall, Usd(500));
}

TEST(CommitmentTest, KnowsWhatIsNone) {
  const Account account = AccountOf(Usd(100));
  EXPECT_FALSE(StatementOf(account, {{"azure"}, 1, {"C5"}}, kStart).clause.IsSet());
  EXPECT_FALSE(StatementOf(account, {{"azure"}, 1, {"C9"}}, kStart).clause.IsSet());
  EXPECT_FALSE(StatementOf(account, {{"oracle"}, 1, {"C4"}}, kStart).clause.IsSet());
}

}  // namespace
}  // namespace capbroker
