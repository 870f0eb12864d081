// Texts that look like others.
#include "services/messages/fields.h"

#include <gtest/gtest.h>

#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

TEST(Fields, TextsThatLookLikeOthersAreRefusedByTheirField) {
  const auto refused = [](const std::string& text) {
    Fields fields;
    fields.Text("note", text, 1, 100);
    return fields.status();
  };
  // U+2028 to U+202E and U+2066 to U+2069.
  for (const std::string& lead : {std::string("\xe2\x80"), std::string("\xe2\x81")}) {
    const bool separators = lead.back() == '\x80';
    for (int last = separators ? 0xa8 : 0xa6; last <= (separators ? 0xae : 0xa9); ++last) {
      const absl::Status status = refused("pay 1" + lead + static_cast<char>(last) + "2 EUR");
      EXPECT_EQ(FieldOf(status), "note") << last;
      // Not sent back as it came.
      EXPECT_EQ(View(status.message()).find(lead), std::string::npos) << status;
    }
  }
  for (const char* good :
       {"caf\xc3\xa9", "\xe2\x80\xa7", "\xe2\x80\xaf", "\xe2\x81\xa5", "\xe2\x81\xaa",
        "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", "\xe6\x97\xa5\xe6\x9c\xac"}) {
    EXPECT_TRUE(refused(good).ok()) << good;
  }
}

}  // namespace
}  // namespace capbroker
