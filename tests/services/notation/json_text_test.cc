#include "services/notation/json_text.h"

#include <gtest/gtest.h>

namespace capbroker {
namespace {

TEST(JsonText, ObjectsAndArrays) {
  EXPECT_EQ(JsonObject().text(), "{}");
  EXPECT_EQ(JsonArray({}), "[]");
  EXPECT_EQ(JsonObject()
                .Add("text", "a \"b\"\\\n")
                .Add("number", int64_t{-3})
                .Add("size", size_t{3})
                .Add("rate", 0.25)
                .Add("good", true)
                .AddJson("list", JsonArray({"1", JsonObject().Add("k", std::string("v")).text()}))
                .AddJson("texts", JsonStrings({"a", "b"}))
                .text(),
            R"({"text":"a \"b\"\\\u000a","number":-3,"size":3,"rate":0.25,"good":true,)"
            R"("list":[1,{"k":"v"}],"texts":["a","b"]})");
}

}  // namespace
}  // namespace capbroker
