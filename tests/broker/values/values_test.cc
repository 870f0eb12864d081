// Instants, spans, money and identifiers: what is written is read back, and nothing else is taken.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/trail/canonical.h"
#include "broker/values/ids.h"
#include "broker/values/money.h"
#include "broker/values/text.h"
#include "broker/values/time.h"
#include "tests/broker/story.h"

namespace capbroker {
namespace {

TEST(Time, InstantsReadBack) {
  for (const char* text : {"1970-01-01T00:00:00.000001Z", "2025-02-03T09:00:00.000000Z",
                           "2024-02-29T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"}) {
    EXPECT_EQ(Format(*ParseInstant(text)), text);
  }
  EXPECT_EQ(*ParseInstant("2025-02-03T09:00:00Z"), *ParseInstant("2025-02-03T09:00:00.000000Z"));
  EXPECT_EQ(ParseInstant("2025-02-03T09:00:00.25Z")->micros % 1'000'000, 250'000);
  EXPECT_EQ(Format(kLastInstant), "9999-12-31T23:59:59.999999Z");
}

TEST(Time, NothingElseIsAnInstant) {
  for (const char* text :
       {"", "2025", "2025-02-03", "2025-02-03T09:00:00", "2025-02-03T09:00:00+01:00",
        "2025-02-30T09:00:00Z", "2025-13-03T09:00:00Z", "2025-02-03T24:00:00Z",
        "2025-02-03T09:60:00Z", "2025-02-03T09:00:60Z", "2025-02-03 09:00:00Z",
        "2025-02-03T09:00:00.Z", "2025-02-03T09:00:00.1234567Z", " 2025-02-03T09:00:00Z",
        "2025-02-03T09:00:00ZZ", "20a5-02-03T09:00:00Z", "2025-02-03T09:00:00.1x5Z",
        "-025-02-03T09:00:00Z"}) {
    EXPECT_FALSE(ParseInstant(text).ok()) << text;
  }
}

TEST(Time, SpansReadBack) {
  for (const char* text : {"0s", "1s", "259200s", "0.25s", "0.000001s", "-1.5s", "3153600000s"}) {
    EXPECT_EQ(Format(*ParseSpan(text)), text);
  }
  for (const char* text :
       {"", "s", "1", "1m", "1.s", ".5s", "1.0000001s", "--1s", "1 s", "1e3s", "9999999999999s"}) {
    EXPECT_FALSE(ParseSpan(text).ok()) << text;
  }
}

TEST(Money, ReadsBack) {
  for (const char* text : {"0 USD", "2.5 USD", "0.000001 EUR", "250000000000 USD", "-1.25 JPY",
                           "9223372036854.775807 USD"}) {
    EXPECT_EQ(Format(*ParseMoney(text)), text);
  }
  for (const char* text :
       {"", "2.5", "USD", "2.5 usd", "2.5 USDX", "2.5  USD", "2,5 USD", ".5 USD", "5. USD",
        "1.0000001 USD", "9223372036854.775808 USD", "1e3 USD", "1.2.3 USD", "--1 USD", "+1 USD"}) {
    EXPECT_FALSE(ParseMoney(text).ok()) << text;
  }
}

TEST(Money, CostIsExactAndRefusesOverflow) {
  const Money price = *ParseMoney("2.499999 USD");
  EXPECT_EQ(Format(*Cost(price, 8000, Hours(720))), "14399994.24 USD");
  EXPECT_EQ(Format(*Cost(price, 1, Seconds(1))), "0.000694 USD") << "rounded down to a micro";
  EXPECT_EQ(Format(*Cost(*ParseMoney("0 USD"), 1'000'000'000'000, kLongestSpan)), "0 USD");
  EXPECT_FALSE(Cost(price, 1'000'000'000'000, kLongestSpan).ok());
  EXPECT_FALSE(Cost(*ParseMoney("9223372036854.775807 USD"), 2, Hours(1)).ok());
  EXPECT_TRUE(Cost(*ParseMoney("9223372036854.775807 USD"), 1, Hours(1)).ok());
  EXPECT_TRUE(Cost(*ParseMoney("9223372036854.775807 USD"), 60, Seconds(60)).ok());
}

TEST(Ids, RequestIdsFollowTimeAndReadBack) {
  const RequestId early = MakeRequestId(At("2025-02-03T09:00:00.000Z"), {~0ull, ~0ull});
  const RequestId late = MakeRequestId(At("2025-02-03T09:00:00.001Z"), {0, 0});
  EXPECT_LT(early, late);
  EXPECT_EQ(Format(early), "0194cb09-ba80-7fff-bfff-ffffffffffff");
  EXPECT_EQ(*ParseRequestId(Format(late)), late);
  for (const char* text :
       {"", "0194cb06", "0194CB06-f280-7fff-bfff-ffffffffffff", "0194cb06f2807fffbfffffffffffffff",
        "0194cb06-f280-7fff-bfff-fffffffffff", "0194cb09-ba80-7fff-bfff-ffffffffffff0",
        "0194cb06-f280-7fff-bfff_ffffffffffff", "g194cb06-f280-7fff-bfff-ffffffffffff"}) {
    EXPECT_FALSE(ParseRequestId(text).ok()) << text;
  }
}

TEST(Ids, Names) {
  for (const char* good : {"a", "azure", "stargate-oracle", "a1"})
    EXPECT_TRUE(IsName(good)) << good;
  for (const char* bad : {"", "-a", "a-", "1a", "A", "a_b", "a b", "ä"})
    EXPECT_FALSE(IsName(bad)) << bad;
  EXPECT_TRUE(IsName(std::string(63, 'a')));
  EXPECT_FALSE(IsName(std::string(64, 'a')));
  EXPECT_FALSE(IsName(std::string("a\0b", 3)));
  EXPECT_FALSE(IsName(kDirectory.value)) << "no owner can take the directory's name";
}

TEST(Ids, ClauseRefsAndActorsReadBack) {
  for (const char* text : {"azure/2/C2", "azure/2", "azure"})
    EXPECT_EQ(Format(*ParseClauseRef(text)), text);
  for (const char* text :
       {"", "azure/", "azure/0/C2", "azure/x/C2", "azure/2/", "azure/2/C2/x", "Azure/2/C2"}) {
    EXPECT_FALSE(ParseClauseRef(text).ok()) << text;
  }
  for (const char* text : {"provider/azure", "broker", "owner/openai"})
    EXPECT_EQ(Format(*ParseActor(text)), text);
  EXPECT_FALSE(ParseActor("king/azure").ok());
}

TEST(Ids, Sha256) {
  EXPECT_EQ(Hex(Sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-2.
  EXPECT_EQ(Sha256("a", "bc"), Sha256("abc"));
  EXPECT_EQ(*ParseHash(Hex(Sha256("abc"))), Sha256("abc"));
}

// Keeps what is written as the fields of `T` are listed.
struct Listed {
  std::vector<std::string> names;
  void operator()(std::string_view name, const auto&) { names.emplace_back(name); }
};
template <class T>
std::vector<std::string> FieldsOf() {
  Listed listed;
  const T value{};
  T::Fields(value, [&](std::string_view name, const auto& field) { listed(name, field); });
  return listed.names;
}

// RFC 8785 orders members by name, and Fields is that order.
template <class T>
class Ordered : public testing::Test {};
using Recorded =
    testing::Types<Terms, Segment, Fallback, Label, Request, Scope, PartialAcceptance, Asking,
                   Exclusivity, FirstRefusal, Waiver, CommitmentClause, Term, TriggerClause, Clause,
                   AgreementVersion, Calendar, WeeklyHours, Rate, Limit, Endpoint, Provider,
                   CoolDown, Aggregate, Passed, Figure, Grant, Decision, Act>;
TYPED_TEST_SUITE(Ordered, Recorded);
TYPED_TEST(Ordered, FieldsStandInByteOrder) {
  const std::vector<std::string> names = FieldsOf<TypeParam>();
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end())) << testing::PrintToString(names);
}

TEST(Canonical, EscapesAsRfc8785Says) {
  Terms terms;
  terms.conditions = {"a\"b\\c\b\t\n\f\r\x01\x1f/é€"};
  EXPECT_EQ(Encode(terms), "{\"conditions\":[\"a\\\"b\\\\c\\b\\t\\n\\f\\r\\u0001\\u001f/é€\"]}");
}

TEST(Canonical, RefusesWhatIsNotAnAct) {
  const std::string good =
      R"({"actor":"broker","decisions":[{"kind":"RECOVERY_RESUMED"}],"owner":"openai","sequence":1,"time":"2025-02-03T09:00:00.000000Z"})";
  ASSERT_TRUE(DecodeAct(good).ok()) << DecodeAct(good).status();
  EXPECT_EQ(Encode(*DecodeAct(good)), good);
  const std::vector<std::pair<std::string, std::string>> breaks = {
      {"\"broker\"", "7"},
      {"RECOVERY_RESUMED", "RECOVERY"},
      {"\"sequence\":1", "\"sequence\":-1"},
      {"\"sequence\":1", "\"sequence\":1.5"},
      {"\"sequence\":1", "\"sequence\":\"1\""},
      {"\"sequence\"", "\"sequences\""},
      {"\"time\":\"2025", "\"time\":\"x025"},
      {"}]", "},]"},
      {"[{", "{"},
      {"\"actor\":\"broker\",", ""},  // Read, but not what is written: see Encode below.
  };
  for (const auto& [from, to] : breaks) {
    std::string bad = good;
    bad.replace(bad.find(from), from.size(), to);
    const absl::StatusOr<Act> act = DecodeAct(bad);
    EXPECT_TRUE(!act.ok() || Encode(*act) != good) << bad;
  }
  EXPECT_FALSE(DecodeAct("").ok());
  EXPECT_FALSE(DecodeAct("\"\xff\"").ok());
}

TEST(Canonical, ChainTellsOrderAndContent) {
  const Hash one = Chain(Hash{}, "a"), two = Chain(one, "b");
  EXPECT_NE(two, Chain(Chain(Hash{}, "b"), "a"));
  EXPECT_EQ(one, Sha256(std::string(32, '\0') + "a"));
}

}  // namespace
}  // namespace capbroker
