// What taking batches back restores, and that nothing that may still be taken back is treated as
// durable.
#include <gtest/gtest.h>

#include "tests/services/sequencing/stage.h"

namespace capbroker {
namespace {

SequencerOptions Bounds(size_t batch, size_t least_behind) {
  SequencerOptions options;
  options.batch_bound = batch;
  options.least_behind = least_behind;
  return options;
}

// Refuses one batch: the next, if it has an act about this request.
auto RefuseOnce(const RequestId& request) {
  return [request, is_done = false](const Batch& batch) mutable -> std::optional<CommitResult> {
    for (const SealedAct& act : batch.acts) {
      if (is_done || act.request != request) continue;
      is_done = true;
      return CommitResult{CommitOutcome::kRefused, {}, "once"};
    }
    return std::nullopt;
  };
}

TEST(CoreRollback, WhatTheLowerBatchFinishedIsNotEvictedBeforeItIsDurable) {
  SequencerOptions options = Bounds(2, 100);
  options.finished_kept = 1;
  Stage s(options);
  s.SetUp();
  const RequestBook one = s.Offered(), two = s.Offered();
  s.hold_writes = true;
  s.judge = RefuseOnce(two.request->id);
  // The release is decided on top of the acceptance, and both are taken back.
  const auto cancelled = s.Cancel(one.request->id);
  const auto accepted = s.Accept(two.request->id, "azure", 1, two.offers[0].terms_hash);
  const auto released =
      s.Submit({s.owner, {Role::kOwner, s.owner.value}, ReleaseAllocation{two.request->id, 1, ""}});
  s.Run();
  s.FinishWrite();
  s.Run();  // Now one by one: the cancel is under way, the acceptance decided again, with the
            // sequence it had.
  s.FinishWrite();
  EXPECT_TRUE(cancelled->status().ok());
  ASSERT_NE(s.Find(two.request->id), nullptr);
  EXPECT_EQ(s.Find(two.request->id)->state, RequestState::kFulfilled);
  s.hold_writes = false;
  s.Run();
  EXPECT_TRUE(accepted->status().ok()) << accepted->status();
  ASSERT_TRUE(released->status().ok()) << released->status();
  EXPECT_EQ(released->request().offers[0].allocation.state, AllocationState::kReleased);
  EXPECT_EQ(s.core->status().requests_read, 0u);
  s.ExpectSound(s.owner);
}

TEST(CoreRollback, ALostBatchBehindARefusedOneDoesNotArriveBehindWhatComesInItsPlace) {
  Stage s;
  s.SetUp();
  const RequestBook offered = s.Offered();
  const Request poison = s.NewRequest();
  std::optional<Batch> lost;
  s.judge = [&](const Batch& batch) -> std::optional<CommitResult> {
    if (batch.acts[0].request == poison.id)
      return CommitResult{CommitOutcome::kRefused, {}, "poison"};
    if (lost) return std::nullopt;
    lost = batch;
    return CommitResult{CommitOutcome::kUnknown, {}, "lost"};
  };
  s.hold_writes = true;
  const auto bad = s.Create(poison);
  s.Run();
  const auto good = s.Cancel(offered.request->id);
  s.Run();
  ASSERT_EQ(s.writes.size(), Core::kUnderWay);
  s.FinishWrite();
  s.FinishWrite();
  s.hold_writes = false;
  s.Run();
  EXPECT_EQ(bad->reason(), "BROKER_FAULT");
  EXPECT_TRUE(good->status().ok()) << good->status();
  EXPECT_EQ(s.ledger.Commit(*lost).outcome, CommitOutcome::kFenced);
  EXPECT_EQ(s.core->status().unknown_batches, 1u);
  s.ExpectSound(s.owner);
}

TEST(CoreRollback, AnOwnerWhoseFirstActIsTakenBackHasNoTrail) {
  Stage s;
  s.SetUp();
  const OwnerId other{"other"};
  s.judge = [&](const Batch& batch) -> std::optional<CommitResult> {
    if (batch.acts[0].owner == other) return CommitResult{CommitOutcome::kRefused, {}, "poison"};
    return std::nullopt;
  };
  const auto refused = s.Submit({other, s.kOps, ActivateAgreement{SeedAgreement()}});
  s.Run();
  EXPECT_EQ(refused->reason(), "BROKER_FAULT");
  absl::StatusOr<std::shared_ptr<const Account>> account = absl::UnknownError("not answered");
  auto item = std::make_unique<Item>();
  item->kind = Item::Kind::kAccount;
  item->command.owner = other;
  item->account_reply = [&](absl::StatusOr<std::shared_ptr<const Account>> answer) {
    account = answer;
  };
  s.core->Submit(std::move(item));
  s.Run();
  ASSERT_TRUE(account.ok()) << account.status();
  EXPECT_EQ(*account, nullptr);
  s.judge = nullptr;
  const auto again = s.Submit({other, s.kOps, ActivateAgreement{SeedAgreement()}});
  s.Run();
  EXPECT_TRUE(again->status().ok()) << again->status();
  s.ExpectSound(other);
}

// A key that is under way is in no ledger yet: to forget it is to decide its command twice.
TEST(CoreRollback, AKeyUnderWayIsKnownHoweverManyRecordedOnesAreRead) {
  SequencerOptions options = Bounds(4, 1);
  options.keys_kept = options.answers_kept = 1;
  Stage s(options);
  s.SetUp();
  std::vector<Request> recorded;
  for (uint8_t key = 0; key < 14; ++key) {
    recorded.push_back(s.NewRequest());
    s.Create(recorded.back(), Key(key));
    s.Run();
  }
  s.Restart();
  s.Run();
  s.hold_writes = s.hold_reads = true;
  const Request request = s.NewRequest();
  s.Create(s.NewRequest());
  s.Run();
  const auto first = s.Create(request, Key(100));
  s.Run();
  ASSERT_EQ(s.writes.size(), Core::kUnderWay);
  for (uint8_t key = 0; key < 14; ++key) s.Create(recorded[key], Key(key));
  s.Create(s.NewRequest());
  s.Run();
  s.FinishRead();
  s.FinishWrite();
  s.Run();  // The batch with the key is under way still.
  const auto again = s.Create(request, Key(100));
  s.Run();
  EXPECT_FALSE(s.read.has_value());
  s.hold_writes = s.hold_reads = false;
  s.Run();
  ASSERT_TRUE(first->status().ok()) << first->status();
  ASSERT_TRUE(again->status().ok()) << again->status();
  EXPECT_EQ(again->sequence(), first->sequence());
}

// That a key was not recorded when the ledger was asked says nothing of later.
TEST(CoreRollback, AKeyThatWasRecordedSinceItWasAskedForIsAskedForAgain) {
  SequencerOptions options = Bounds(2, 1);
  options.keys_kept = options.answers_kept = 1;
  Stage s(options);
  s.SetUp();
  s.Create(s.NewRequest(), Key(1));
  s.Run();
  s.Restart();
  s.Run();
  const RequestBook offered = s.Offered();
  const RequestId id = offered.request->id;
  const Hash terms = offered.offers[0].terms_hash;
  s.hold_writes = s.hold_reads = true;
  const auto duplicate = s.Create(s.NewRequest(), Key(1));
  const auto accepted = s.Accept(id, "azure", 1, terms, Key(2));
  for (uint8_t key : {3, 4, 5}) s.Create(s.NewRequest(), Key(key));
  const auto again = s.Accept(id, "azure", 1, terms, Key(2));
  s.Run();
  s.FinishWrite();  // A key is recorded: all is taken back, and every key asked for.
  s.FinishWrite();
  s.judge = RefuseOnce(id);
  s.Run();
  s.FinishWrite();  // Refused: decided again, one by one.
  s.FinishWrite();
  s.Run();
  s.FinishRead();  // Of no use any more.
  s.Run();
  s.FinishWrite();  // The acceptance is durable,
  s.FinishRead();   //   and its key evicted by that of the duplicate.
  EXPECT_TRUE(accepted->status().ok()) << accepted->status();
  EXPECT_FALSE(again->IsAnswered());
  s.hold_writes = s.hold_reads = false;
  s.Run();
  EXPECT_TRUE(duplicate->status().ok()) << duplicate->status();
  ASSERT_TRUE(again->status().ok()) << again->status();
  EXPECT_EQ(again->sequence(), accepted->sequence());
}

TEST(CoreRollback, ARequestPutBackForARepeatIsEvictedAgain) {
  SequencerOptions options = Bounds(1, 1);
  options.finished_kept = 0;
  Stage s(options);
  s.SetUp();
  const RequestBook one = s.Offered(), two = s.Offered();
  s.Cancel(one.request->id, Key(1));
  s.Accept(two.request->id, "azure", 1, two.offers[0].terms_hash);
  s.Run();
  s.Restart();
  s.Run();
  s.hold_writes = s.hold_reads = true;
  const auto first = s.Cancel(one.request->id, Key(1));
  const auto between =
      s.Submit({s.owner, {Role::kOwner, s.owner.value}, ReleaseAllocation{two.request->id, 1, ""}});
  const auto second = s.Cancel(one.request->id, Key(1));
  s.Run();
  for (size_t i = 0; i < Core::kUnderWay; ++i) {
    s.Create(s.NewRequest());
    s.Run();
  }
  s.FinishRead();  // Both requests are put back.
  s.Run();  // The first asks for its key, what is between fills the batch, and the second waits.
  s.FinishRead();
  EXPECT_NE(s.Find(one.request->id), nullptr);
  s.hold_writes = s.hold_reads = false;
  s.Run();
  EXPECT_TRUE(between->status().ok()) << between->status();
  ASSERT_TRUE(first->status().ok() && second->status().ok()) << first->status() << second->status();
  EXPECT_EQ(first->sequence(), second->sequence());
  EXPECT_EQ(s.Find(one.request->id), nullptr);
  EXPECT_EQ(s.Find(two.request->id), nullptr);
}

TEST(CoreRollback, GivesUpWhenItCannotLearnWhichKeysAreRecorded) {
  Stage s;
  s.SetUp();
  s.Create(s.NewRequest(), Key(1));
  s.Run();
  s.Restart();
  s.Run();
  s.ledger.SetUnavailable(false, true);  // What is written is judged, and nothing can be read.
  const auto told = s.Create(s.NewRequest(), Key(1));
  s.RunFor(Seconds(1));
  EXPECT_FALSE(told->IsAnswered());
  s.RunFor(Seconds(2));
  EXPECT_EQ(told->reason(), "LEDGER_UNAVAILABLE");
  EXPECT_EQ(s.core->status().duplicate_batches, 1u);
  s.ledger.SetUnavailable(false, false);
  s.RunFor(Seconds(3));
  EXPECT_TRUE(s.is_open);
}

TEST(CoreRollback, DropsEverythingWhenItReadsWhatAnotherWrote) {
  Stage s;
  s.SetUp();
  const OwnerId owner{"other"};
  const auto create = [&] {
    return s.Submit({owner, {Role::kOwner, owner.value}, CreateRequest{s.NewRequest()}});
  };
  create();
  s.Run();
  s.hold_writes = true;
  const auto under_way = create();
  s.Run();
  // Suspended. Another takes over, and places a request under an agreement that the first has not
  // seen.
  s.Pass(Seconds(20));
  Replica other;
  other.options = s.options;
  other.options.holder = "b";
  s.Switch(other);
  s.hold_writes = false;
  s.Run();
  s.Submit({owner, s.kOps, ActivateAgreement{SeedAgreement()}});
  const auto theirs = create();
  s.Run();
  ASSERT_TRUE(theirs->status().ok()) << theirs->status();
  s.Switch(other);
  s.hold_writes = true;
  const auto told = s.Submit(
      {owner, {Role::kOwner, owner.value}, CancelRequest{theirs->request().request->id, ""}});
  s.Run();
  EXPECT_EQ(told->reason(), "NOT_SERVING_OWNER");
  EXPECT_EQ(under_way->reason(), "NOT_SERVING_OWNER");
  EXPECT_EQ(s.core->status().phase, SequencerStatus::Phase::kStandby);
}

}  // namespace
}  // namespace capbroker
