// What makes two commands the same one.
#include "services/rpc/admission.h"

#include <gtest/gtest.h>

#include "tests/services/rpc/example_messages.h"

namespace capbroker {
namespace {

const Actor kOwner{Role::kOwner, "openai"};
const std::string kSeven = "0194c5a0-1e00-7abc-8def-0123456789ab";

IdempotencyKey KeyOf(const std::string& request_id, const Actor& caller = kOwner,
                     Method method = Method::kCreateCapacityRequest, const char* owner = "openai") {
  return RepeatOf(caller, method, OwnerId{owner}, request_id, GoodCreate()).key;
}
std::string FirstOf(const IdempotencyKey& key) {
  std::string digits;
  for (size_t i = 0; i < 6; ++i) digits += Hex(Hash{key[i]}).substr(0, 2);
  return digits;
}

TEST(RepeatOf, IsTheCallersTheMethodsTheOwnersAndTheIds) {
  for (const std::string& id : {std::string("need-2027"), kSeven}) {
    EXPECT_EQ(KeyOf(id), KeyOf(id));
    EXPECT_NE(KeyOf(id), KeyOf(id + "x"));
    EXPECT_NE(KeyOf(id), KeyOf(id, {Role::kOwner, "mistral"}));
    EXPECT_NE(KeyOf(id), KeyOf(id, kOwner, Method::kCancelCapacityRequest));
    EXPECT_NE(KeyOf(id), KeyOf(id, kOwner, Method::kCreateCapacityRequest, "mistral"));
  }
  std::string other = kSeven;
  other.back() = 'c';
  EXPECT_NE(KeyOf(kSeven), KeyOf(other));
  v1::CreateCapacityRequestRequest changed = GoodCreate();
  changed.mutable_capacity_request()->mutable_terms()->set_quantity(1);
  const auto payload = [](const auto& message) {
    return RepeatOf(kOwner, Method::kCreateCapacityRequest, OwnerId{"openai"}, "id", message)
        .payload;
  };
  EXPECT_EQ(payload(GoodCreate()), payload(GoodCreate()));
  EXPECT_NE(payload(GoodCreate()), payload(changed));
}

TEST(RepeatOf, KeysOfIdsWithATimeAreInItsOrder) {
  EXPECT_EQ(FirstOf(KeyOf(kSeven)), "0194c5a01e00");
  EXPECT_EQ(FirstOf(KeyOf(kSeven, {Role::kOwner, "mistral"})), "0194c5a01e00");
  EXPECT_NE(FirstOf(KeyOf("0194c5a0-1e00-4abc-8def-0123456789ab")),
            "0194c5a01e00");  // Has no time in it.
  EXPECT_NE(FirstOf(KeyOf("0194c5a01e007abc8def0123456789ab")), "0194c5a01e00");
}

}  // namespace
}  // namespace capbroker
