// What the tap is told: all that becomes durable, in order, and how things stood before.
#include "services/sequencing/tap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>

#include "services/sequencing/sequencer.h"
#include "storage/memory_ledger.h"
#include "tests/broker/story.h"

namespace capbroker {
namespace {

// The database's clock runs as the machine's does, from noon.
Instant DatabaseTime() {
  static const int64_t start = BootMicros();
  return kNoon + Span{BootMicros() - start};
}

const Actor kOps{Role::kOperator, "ops"};
const OwnerId kOwner{"openai"};

class Recording final : public Tap {
 public:
  void Begin(Standing its) override {
    absl::MutexLock lock(&mutex);
    begun++;
    standing = std::move(its);
    changes.clear();
  }
  void Add(std::vector<Change> added) override {
    absl::MutexLock lock(&mutex);
    std::move(added.begin(), added.end(), std::back_inserter(changes));
  }
  void End() override {
    absl::MutexLock lock(&mutex);
    ended++;
  }
  // Once it was told of so many changes since Begin.
  std::vector<Change> Wait(size_t count) {
    absl::MutexLock lock(&mutex);
    const auto enough = [&] { return changes.size() >= count; };
    mutex.AwaitWithTimeout(absl::Condition(&enough), absl::Seconds(60));
    return changes;
  }

  absl::Mutex mutex;
  int begun = 0, ended = 0;
  Standing standing;
  std::vector<Change> changes;
};

class TapTest : public testing::Test {
 protected:
  void Start() {
    sequencer = std::make_unique<Sequencer>(
        ledger, feed, clock, SequencerOptions{.holder = "a", .address = "", .tap = &tap});
    sequencer->Start(4);
    ASSERT_TRUE(sequencer->WaitUntilServing(Seconds(30)).ok());
  }
  absl::StatusOr<Outcome> Do(Command command) {
    std::promise<absl::StatusOr<Outcome>> answer;
    sequencer->Submit({std::move(command), std::nullopt}, [&](absl::StatusOr<Outcome> outcome) {
      answer.set_value(std::move(outcome));
    });
    return answer.get_future().get();
  }
  // An act about the directory for each provider, one about agreements, and one about a request.
  void TellTheStory() {
    for (const char* name : {"azure", "stargate-oracle", "stargate-softbank"}) {
      Provider provider;
      provider.id = ProviderId{name};
      ASSERT_TRUE(Do({kDirectory, kOps, RegisterProvider{provider}}).ok());
    }
    ASSERT_TRUE(Do({kOwner, kOps, ActivateAgreement{SeedAgreement()}}).ok());
    Request request = SomeRequest(8000, "PRODUCT_INFERENCE");
    request.id = MakeRequestId(kNoon, {1 << 8, 0});
    ASSERT_TRUE(Do({kOwner, {Role::kOwner, kOwner.value}, CreateRequest{request}}).ok());
  }

  Recording tap;
  MemoryLedger ledger{4, DatabaseTime};
  Feed feed;
  Clock clock;
  std::unique_ptr<Sequencer> sequencer;
};

TEST_F(TapTest, TellsEveryActOnceAndInOrder) {
  Start();
  EXPECT_TRUE(tap.standing.accounts.empty());
  TellTheStory();
  const std::vector<Change> told = tap.Wait(5);
  ASSERT_EQ(told.size(), 5);
  uint64_t directory = 0, owner = 0;
  for (const Change& change : told) {
    EXPECT_EQ(change.act->sequence, change.owner == kDirectory ? ++directory : ++owner);
    EXPECT_EQ(change.request != nullptr, change.act->request.IsSet());
  }
  EXPECT_EQ(directory, ledger.ReadActs({.owner = kDirectory})->size());
  EXPECT_EQ(owner, ledger.ReadActs({.owner = kOwner})->size());
  sequencer->Drain();
  EXPECT_GE(tap.ended, 1);
}

TEST_F(TapTest, SaysHowThingsStoodWhenThePartitionsAreTaken) {
  Start();
  TellTheStory();
  sequencer->Drain();
  Start();
  EXPECT_EQ(tap.begun, 2);
  EXPECT_EQ(tap.standing.directory.providers().size(), 3);
  const auto openai = std::find_if(tap.standing.accounts.begin(), tap.standing.accounts.end(),
                                   [](const auto& entry) { return entry.first == kOwner; });
  ASSERT_NE(openai, tap.standing.accounts.end());
  EXPECT_EQ(openai->second.agreements.size(), 1);
  EXPECT_EQ(openai->second.commitments.size(), 1);
  ASSERT_EQ(tap.standing.offers.size(), 1);
  const Standing::LiveOffer& offer = tap.standing.offers.front();
  EXPECT_EQ(offer.number, 1);
  EXPECT_EQ(offer.kind, OfferKind::kFirstOffer);
  EXPECT_EQ(offer.provider.value, "azure");
  EXPECT_TRUE(offer.open);
  EXPECT_FALSE(offer.held);
}

TEST_F(TapTest, TheStatusTalliesBatches) {
  Start();
  TellTheStory();
  tap.Wait(5);
  sequencer->Drain();
  const SequencerStatus status = sequencer->status();
  const auto count = [](const auto& tally) {
    uint64_t all = 0;
    for (const uint64_t some : tally.counts) all += some;
    return all;
  };
  EXPECT_EQ(status.batch_sizes.sum, static_cast<int64_t>(status.acts));
  EXPECT_EQ(count(status.batch_sizes), status.batches);
  EXPECT_EQ(count(status.commits), status.batches);
  EXPECT_EQ(count(status.waited), 5);
  EXPECT_GT(status.stepped_micros, 0);
}

TEST(TallyTest, BoundsAreInclusive) {
  EXPECT_EQ(BucketOf(kCountBounds, 0), 0);
  EXPECT_EQ(BucketOf(kCountBounds, 1), 0);
  EXPECT_EQ(BucketOf(kCountBounds, 2), 1);
  EXPECT_EQ(BucketOf(kCountBounds, 3), 2);
  EXPECT_EQ(BucketOf(kCountBounds, 2'000), kCountBounds.size() - 1);
  EXPECT_EQ(BucketOf(kCountBounds, 2'001), kCountBounds.size());
}

}  // namespace
}  // namespace capbroker
