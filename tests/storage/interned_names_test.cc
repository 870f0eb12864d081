#include "storage/interned_names.h"

#include <gtest/gtest.h>

namespace capbroker {
namespace {

const OwnerId kOpenai{"openai"}, kOther{"other"};
const ProviderId kAzure{"azure"};

TEST(InternedNames, PartitionsAreThoseOfTheLedger) {
  InternedNames names(7);
  for (const OwnerId& owner : {kOpenai, kOther, kOpenai}) {
    EXPECT_EQ(names.PartitionOf(owner), PartitionOf(owner, 7));
  }
}

TEST(InternedNames, NamesOfABatchAreUnknownOnceAndUntilLearnt) {
  InternedNames names(7);
  Batch batch;
  batch.acts = {{.owner = kOpenai}, {.owner = kOther}, {.owner = kOpenai}};
  batch.new_offers = {{.owner = kOpenai, .provider = kAzure},
                      {.owner = kOpenai, .provider = kAzure}};
  InternedNames::Unknown unknown = names.UnknownOf(batch);
  EXPECT_EQ(unknown.owners, (std::vector<OwnerId>{kOpenai, kOther}));
  EXPECT_EQ(unknown.providers, std::vector<ProviderId>{kAzure});
  (void)names.PartitionOf(kOpenai);
  names.Learn(kOpenai, 3);
  names.Learn(kAzure, 4);
  EXPECT_EQ(names.NumberOf(kOpenai), 3);
  EXPECT_EQ(names.NumberOf(kAzure), 4);
  EXPECT_EQ(names.PartitionOf(kOpenai), PartitionOf(kOpenai, 7));
  unknown = names.UnknownOf(batch);
  EXPECT_EQ(unknown.owners, std::vector<OwnerId>{kOther});
  EXPECT_TRUE(unknown.providers.empty());
  names.ForgetNumbers();
  EXPECT_EQ(names.UnknownOf(batch).owners.size(), 2);
}

}  // namespace
}  // namespace capbroker
