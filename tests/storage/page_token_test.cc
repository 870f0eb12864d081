#include "storage/page_token.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "broker/values/ids.h"
#include "broker/values/refusal.h"

namespace capbroker {
namespace {

RowPosition SomePosition() {
  RowPosition position{.request = {}, .offer = 7, .owner = {"openai"}};
  position.request.bytes = {1, 2, 3};
  return position;
}

TEST(PageToken, EachKindReadsBackItsOwn) {
  const auto row = ParseRowToken("list", RowToken("list", SomePosition()));
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_EQ(row->request, SomePosition().request);
  EXPECT_EQ(row->offer, 7);
  EXPECT_EQ(row->owner, SomePosition().owner);
  EXPECT_EQ(ParseNumberToken("list", NumberToken("list", 42)).value(), 42);
  EXPECT_EQ(ParseNameToken("list", NameToken("list", "azure")).value(), "azure");
}

TEST(PageToken, AnEmptyTokenIsTheBeginning) {
  EXPECT_EQ(ParseRowToken("list", "")->offer, 0x7fffffff);
  EXPECT_EQ(ParseNumberToken("list", "").value(), 0);
  EXPECT_EQ(ParseNameToken("list", "").value(), "");
}

TEST(PageToken, WhatIsNotItsOwnIsRefused) {
  const std::string row = RowToken("list", SomePosition()), number = NumberToken("list", 42);
  const std::string name = NameToken("list", "azure");
  const auto expect_refused = [](const absl::Status& status, const std::string& what) {
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << what << ": " << status;
    EXPECT_EQ(FieldOf(status), "page_token") << what;
  };
  for (const std::string& token : {std::string("x"), std::string("!!!"), number, name,
                                   RowToken("another", SomePosition()), row + "A"}) {
    expect_refused(ParseRowToken("list", token).status(), "row: " + token);
  }
  for (const std::string& token : {row, name, NumberToken("another", 42), number.substr(1)}) {
    expect_refused(ParseNumberToken("list", token).status(), "number: " + token);
  }
  expect_refused(ParseNumberToken("list", number, 41).status(), "out of range");
  expect_refused(ParseNumberToken("list", NumberToken("list", UINT64_MAX)).status(), "too large");
  for (const std::string& token : {row, number, NameToken("another", "azure")}) {
    expect_refused(ParseNameToken("list", token).status(), "name: " + token);
  }
  RowPosition position = SomePosition();
  position.offer = UINT32_MAX;
  expect_refused(ParseRowToken("list", RowToken("list", position)).status(), "offer");
  position = SomePosition();
  position.owner = {"no name"};
  expect_refused(ParseRowToken("list", RowToken("list", position)).status(), "owner");
}

// A token whose seal everybody could compute would be anybody's.
TEST(PageToken, NobodyMakesOneByHand) {
  std::string whole;
  ASSERT_TRUE(absl::WebSafeBase64Unescape(NumberToken("list", 42), &whole));
  const std::string payload = whole.substr(whole.size() - 9);  // The kind, and eight bytes.
  ASSERT_EQ(payload[0], 'n');
  const Hash hash = Sha256("list\n", payload);
  for (const size_t size : {8, 16}) {
    const std::string made =
        std::string(reinterpret_cast<const char*>(hash.data()), size) + payload;
    EXPECT_TRUE(absl::IsInvalidArgument(
        ParseNumberToken("list", absl::WebSafeBase64Escape(made)).status()));
  }
  whole[whole.size() - 1] ^= 1;  // Another position under the seal of this one.
  EXPECT_TRUE(
      absl::IsInvalidArgument(ParseNumberToken("list", absl::WebSafeBase64Escape(whole)).status()));
}

}  // namespace
}  // namespace capbroker
