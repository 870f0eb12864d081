// Which commands share a batch, when it goes to the ledger, and what becomes of one that went
// behind another.
#include <gtest/gtest.h>

#include "tests/services/sequencing/stage.h"

namespace capbroker {
namespace {

class CoreBatches : public testing::Test {
 protected:
  void SetUp() override { s.SetUp(); }
  Stage s;
};

TEST_F(CoreBatches, DecidesTheNextBatchWhileOneIsCommitted) {
  s.hold_writes = true;
  const auto first = s.Create(s.NewRequest());
  s.Run();
  const size_t before = s.batches.size();
  const auto second = s.Create(s.NewRequest());
  const auto third = s.Create(s.NewRequest());
  s.Run();
  EXPECT_FALSE(second->IsAnswered());
  s.FinishWrite();
  EXPECT_TRUE(first->status().ok());
  EXPECT_FALSE(second->IsAnswered());
  s.Run();
  s.FinishWrite();
  EXPECT_TRUE(second->status().ok());
  EXPECT_EQ(third->sequence(), second->sequence() + 1);
  ASSERT_EQ(s.batches.size(), before + 2);
  EXPECT_EQ(s.batches[before]->acts.size(), 1);
  EXPECT_EQ(s.batches[before + 1]->acts.size(), 2);
  s.ExpectSound(s.owner);
}

TEST_F(CoreBatches, HandsTheNextBatchInWhileOneIsCommitted) {
  s.hold_writes = true;
  std::vector<std::shared_ptr<Told>> told;
  for (int i = 0; i < 4; ++i) {
    told.push_back(s.Create(s.NewRequest()));
    s.Run();
    EXPECT_EQ(s.writes.size(), std::min<size_t>(i + 1, Core::kUnderWay));
  }
  // Numbered as if the one before were durable already.
  const uint32_t partition = PartitionOf(s.owner, kPartitions);
  const Batch &first = *std::get<CommitCall>(s.writes[0]).batch,
              &second = *std::get<CommitCall>(s.writes[1]).batch;
  ASSERT_EQ(first.fences.size(), 1u);
  ASSERT_EQ(second.fences.size(), 1u);
  EXPECT_EQ(second.fences[0].partition, partition);
  EXPECT_EQ(second.fences[0].last_batch, first.fences[0].last_batch + 1);
  s.FinishWrite();
  EXPECT_TRUE(told[0]->IsAnswered());
  EXPECT_FALSE(told[1]->IsAnswered());
  s.hold_writes = false;
  s.Run();
  for (const auto& one : told) EXPECT_TRUE(one->status().ok()) << one->status();
  s.ExpectSound(s.owner);
}

TEST_F(CoreBatches, RepeatsWhatIsUnderWayWithoutAskingTheLedger) {
  SequencerOptions options;
  options.batch_bound = 2;
  options.least_behind = options.keys_kept = options.answers_kept = 1;
  Stage small(options);
  small.SetUp();
  small.hold_writes = true;
  std::vector<Request> requests;
  std::vector<std::shared_ptr<Told>> told;
  for (uint8_t key = 0; key < 5; ++key) {
    requests.push_back(small.NewRequest());
    told.push_back(small.Create(requests.back(), Key(key)));
  }
  small.Run();
  ASSERT_EQ(small.writes.size(), Core::kUnderWay);  // Two batches, and one more command is decided.
  const auto again = small.Create(requests[0], Key(0));
  small.Run();
  EXPECT_FALSE(small.read.has_value());
  small.hold_writes = false;
  small.Run();
  ASSERT_TRUE(again->status().ok()) << again->status();
  EXPECT_EQ(again->sequence(), told[0]->sequence());
  EXPECT_EQ(small.core->status().repeats, 1u);
  EXPECT_EQ(small.core->status().duplicate_batches, 0u);
}

TEST_F(CoreBatches, ASmallBatchDoesNotGoBehindAnother) {
  Stage usual{SequencerOptions()};
  usual.SetUp();
  usual.hold_writes = true;
  usual.Create(usual.NewRequest());
  usual.Run();
  for (size_t i = 1; i < SequencerOptions().least_behind; ++i) usual.Create(usual.NewRequest());
  usual.Run();
  EXPECT_EQ(usual.writes.size(), 1u);
  usual.Create(usual.NewRequest());
  usual.Run();
  EXPECT_EQ(usual.writes.size(), 2u);
}

TEST_F(CoreBatches, ALoneCommandWaitsBehindALargeBatch) {
  s.hold_writes = true;
  std::vector<std::shared_ptr<Told>> told;
  for (int i = 0; i < 7; ++i) told.push_back(s.Create(s.NewRequest()));
  s.Run();
  told.push_back(s.Create(s.NewRequest()));
  s.Run();
  EXPECT_EQ(s.writes.size(), 1u);
  for (int i = 0; i < 6; ++i) told.push_back(s.Create(s.NewRequest()));
  s.Run();
  ASSERT_EQ(s.writes.size(), 2u);
  EXPECT_EQ(std::get<CommitCall>(s.writes[1]).batch->acts.size(), 7u);
  s.hold_writes = false;
  s.Run();
  for (const auto& one : told) EXPECT_TRUE(one->status().ok()) << one->status();
}

TEST_F(CoreBatches, ABatchBehindAnotherOwnersStandsOnItAllTheSame) {
  OwnerId other;
  for (int i = 0; PartitionOf(other, kPartitions) == PartitionOf(s.owner, kPartitions); ++i)
    other = {Cat("other-", i)};
  s.Submit({other, s.kOps, ActivateAgreement{SeedAgreement()}});
  s.Run();
  s.hold_writes = true;
  const Request poison = s.NewRequest(), sound = s.NewRequest();
  s.judge = [&](const Batch& batch) -> std::optional<CommitResult> {
    if (batch.acts[0].request == poison.id)
      return CommitResult{CommitOutcome::kRefused, {}, "poison"};
    return std::nullopt;
  };
  const auto bad = s.Create(poison);
  s.Run();
  const auto good = s.Submit({other, {Role::kOwner, other.value}, CreateRequest{sound}});
  s.Run();
  ASSERT_EQ(s.writes.size(), 2u);
  EXPECT_EQ(std::get<CommitCall>(s.writes[1]).batch->fences.size(), 2u);
  const size_t before = s.batches.size();
  s.FinishWrite();
  EXPECT_FALSE(bad->IsAnswered());  // Not before it is known what became of the other.
  s.FinishWrite();
  EXPECT_EQ(s.Trail(other).size(), 1u);  // It was fenced.
  EXPECT_EQ(s.batches.size(), before + 2);
  s.hold_writes = false;
  s.Run();
  EXPECT_EQ(bad->reason(), "BROKER_FAULT");
  EXPECT_TRUE(good->status().ok()) << good->status();
  s.ExpectSound(s.owner);
  s.ExpectSound(other);
}

TEST_F(CoreBatches, OfTwoUnknownBatchesThoseThatWereNotMadeGoAgain) {
  for (int made = 0; made <= 2; ++made) {
    s.hold_writes = true;
    const auto first = s.Create(s.NewRequest());
    s.Run();
    const auto second = s.Create(s.NewRequest());
    s.Run();
    ASSERT_EQ(s.writes.size(), 2u);
    s.ledger.FailNextCommit(CommitOutcome::kUnknown, /*takes_effect=*/made >= 1);
    s.ledger.FailNextCommit(CommitOutcome::kUnknown, /*takes_effect=*/made >= 2);
    s.FinishWrite();
    s.FinishWrite();
    EXPECT_FALSE(first->IsAnswered());
    const size_t before = s.batches.size();
    s.hold_writes = false;
    s.Run();
    EXPECT_EQ(s.batches.size() - before, 2u - made) << made;
    ASSERT_TRUE(first->status().ok()) << made << first->status();
    ASSERT_TRUE(second->status().ok()) << made << second->status();
    EXPECT_EQ(second->sequence(), first->sequence() + 1);
    s.Pass(Seconds(1));
  }
  s.ExpectSound(s.owner);
}

TEST_F(CoreBatches, AHeartbeatThatIsDueIsNotKeptWaitingByBatches) {
  s.hold_writes = true;
  s.Create(s.NewRequest());
  s.Run();
  s.Pass(Seconds(2));
  s.Create(s.NewRequest());
  s.Run();
  EXPECT_EQ(s.writes.size(), 1u);  // The beat is next.
  s.FinishWrite();
  s.Run();
  ASSERT_FALSE(s.writes.empty());
  EXPECT_TRUE(std::holds_alternative<CommitCall>(s.writes.back()));
  EXPECT_EQ(s.core->status().queued, 0u);
}

TEST_F(CoreBatches, GivesTheLedgerHalfOfABurstAndDecidesTheRestMeanwhile) {
  s.hold_writes = true;
  const auto burst = [&](int size) {
    std::vector<std::shared_ptr<Told>> told;
    for (int i = 0; i < size; ++i) told.push_back(s.Create(s.NewRequest()));
    const size_t before = s.batches.size();
    std::vector<size_t> acts;
    for (s.Run(); !s.writes.empty(); s.Run()) {
      EXPECT_EQ(s.core->status().queued, 0u);
      s.FinishWrite();
    }
    for (size_t i = before; i < s.batches.size(); ++i) acts.push_back(s.batches[i]->acts.size());
    for (const auto& one : told) EXPECT_TRUE(one->status().ok()) << one->status();
    return acts;
  };
  EXPECT_EQ(burst(21), (std::vector<size_t>{11, 10}));
  EXPECT_EQ(burst(8), (std::vector<size_t>{4, 4}));
  EXPECT_EQ(burst(7), (std::vector<size_t>{7}));
  s.ExpectSound(s.owner);
}

}  // namespace
}  // namespace capbroker
