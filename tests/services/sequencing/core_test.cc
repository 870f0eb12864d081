#include "services/sequencing/core.h"

#include <gtest/gtest.h>

#include "tests/services/sequencing/stage.h"

namespace capbroker {
namespace {

class CoreTest : public testing::Test {
 protected:
  void SetUp() override { s.SetUp(); }
  Stage s;
};

TEST_F(CoreTest, AnswersOnlyWhatIsDurable) {
  s.hold_writes = true;
  const auto told = s.Create(s.NewRequest());
  s.Run();
  ASSERT_FALSE(s.writes.empty());
  EXPECT_FALSE(told->IsAnswered());
  EXPECT_TRUE(s.changes.empty());
  s.FinishWrite();
  ASSERT_TRUE(told->status().ok()) << told->status();
  EXPECT_EQ(told->request().offers.size(), 1);
  EXPECT_EQ(s.changes.size(), 1);
}

TEST_F(CoreTest, CountsOverdueDeadlinesWhileItCannotFireThem) {
  SequencerOptions options;
  options.batch_bound = 1;
  Stage small(options);
  small.SetUp();
  const RequestBook offered = small.Offered();
  small.Pass(Seconds(1));
  small.hold_writes = true;
  for (int batch = 0; batch < 2; ++batch) {  // One is committed, and one is full.
    small.Create(small.NewRequest());
    small.Run();
  }
  small.now = offered.offers[0].deadline;
  small.Run();
  EXPECT_EQ(small.core->status().overdue, 0);
  small.Pass(Span{1});
  small.Run();
  EXPECT_EQ(small.core->status().overdue, 1);
  small.hold_writes = false;
  small.Run();
  EXPECT_EQ(small.core->status().overdue, 0);
  EXPECT_EQ(small.Find(offered.request->id)->offers[0].state, OfferState::kLapsed);
}

TEST_F(CoreTest, ServesThoughAReadOfAnEarlierTenureIsStillOut) {
  const RequestBook offered = s.Offered();
  s.Restart();
  s.hold_reads = true;
  s.Run();
  ASSERT_TRUE(s.read.has_value());
  EXPECT_FALSE(s.is_open);
  EXPECT_NE(s.core->status().detail.find("1 open requests"), std::string::npos)
      << s.core->status().detail;
  s.ledger.SetUnavailable(true, false);
  s.RunFor(Seconds(3));
  s.ledger.SetUnavailable(false, false);
  s.RunFor(Seconds(3));
  const std::optional<ReadCall> again = s.core->NextRead();
  ASSERT_TRUE(again.has_value());
  EXPECT_NE(again->reader, s.read->reader);
  EXPECT_FALSE(s.core->NextRead().has_value());
  s.core->Finish(capbroker::Run(s.ledger, *again), s.Now());
  s.CarryOut();
  EXPECT_TRUE(s.is_open);
  s.FinishRead();
  s.Run();
  EXPECT_EQ(s.Find(offered.request->id)->offers.size(), 1u);
}

TEST_F(CoreTest, LetsNoMoreWaitThanTheLedgerTakesInASecond) {
  SequencerOptions options;
  options.batch_bound = 10;
  options.queue_bound = 300;
  Stage slow(options);
  slow.SetUp();
  EXPECT_EQ(slow.core->queue_bound(), 300u);  // Its batches take no time.
  const auto bound_after = [&](Span commits_take) {
    slow.commits_take = commits_take;
    for (int i = 0; i < 100; ++i) slow.Offered();
    return slow.core->queue_bound();
  };
  EXPECT_EQ(bound_after(Span{100'000}), 100u);
  EXPECT_EQ(bound_after(Seconds(5)), 10u);  // A batch, however long it takes.
  EXPECT_EQ(bound_after(Span{1'000}), 300u);
}

TEST_F(CoreTest, HoldsARefusalUntilWhatItRestsOnIsDurable) {
  const RequestBook offered = s.Offered();
  const Hash terms = offered.offers[0].terms_hash;
  s.hold_writes = true;
  const auto accepted = s.Accept(offered.request->id, "azure", 1, terms);
  const auto refused = s.Accept(offered.request->id, "azure", 1, terms);
  s.Run();
  const auto later = s.Accept(offered.request->id, "azure", 1, terms);
  s.Run();
  EXPECT_FALSE(refused->IsAnswered());
  EXPECT_FALSE(later->IsAnswered());
  s.FinishWrite();
  s.Run();
  EXPECT_TRUE(accepted->status().ok());
  EXPECT_EQ(refused->reason(), "OFFER_CLOSED");
  EXPECT_EQ(later->reason(), "OFFER_CLOSED");
  EXPECT_TRUE(s.writes.empty());  // A refusal alone writes nothing.
}

TEST_F(CoreTest, TakesAnAnswerAtTheDeadlineAndLapsesRightAfter) {
  const RequestBook one = s.Offered(), two = s.Offered();
  const Instant deadline = one.offers[0].deadline;
  s.now = deadline;
  const auto timely = s.Accept(one.request->id, "azure", 1, one.offers[0].terms_hash);
  s.Pass(Span{1});
  const auto late = s.Accept(two.request->id, "azure", 1, two.offers[0].terms_hash);
  s.Run();
  EXPECT_TRUE(timely->status().ok()) << timely->status();
  EXPECT_EQ(timely->request().offers[0].answered, deadline);
  EXPECT_EQ(late->reason(), "LATE_ANSWER");
  EXPECT_EQ(s.Find(two.request->id)->offers[0].state, OfferState::kLapsed);
}

TEST_F(CoreTest, DoesNotLapseAtTheDeadlineItself) {
  const RequestBook offered = s.Offered();
  s.now = offered.offers[0].deadline;
  s.Run();
  EXPECT_EQ(s.Find(offered.request->id)->offers[0].state, OfferState::kOpen);
  s.Pass(Span{1});
  s.Run();
  EXPECT_EQ(s.Find(offered.request->id)->offers[0].state, OfferState::kLapsed);
}

TEST_F(CoreTest, RepeatsTheFirstAnswer) {
  const Request request = s.NewRequest();
  s.hold_writes = true;
  const auto first = s.Create(request, Key(1));
  const auto beside = s.Create(request, Key(1));
  s.Run();
  EXPECT_FALSE(beside->IsAnswered());
  s.FinishWrite();
  s.hold_writes = false;
  s.Run();
  const auto after = s.Create(request, Key(1));
  const auto other = s.Create(request, Key(1, 9));
  s.Run();
  ASSERT_TRUE(first->status().ok());
  EXPECT_EQ(beside->sequence(), first->sequence());
  EXPECT_EQ(after->sequence(), first->sequence());
  EXPECT_TRUE(absl::IsAlreadyExists(other->status()));
  EXPECT_EQ(other->reason(), "IDEMPOTENCY_CONFLICT");
}

TEST_F(CoreTest, RepeatsTheFirstAnswerAfterARestart) {
  const RequestBook one = s.Offered(), two = s.Offered();
  const Hash terms = one.offers[0].terms_hash;
  const Request request = s.NewRequest();
  const auto created = s.Create(request, Key(1));
  const auto accepted = s.Accept(one.request->id, "azure", 1, terms, Key(2));
  s.Run();
  ASSERT_TRUE(created->status().ok() && accepted->status().ok());
  ASSERT_EQ(accepted->request().state, RequestState::kFulfilled);
  // More happens to it before the repeat: the answer is of the first time all the same.
  const auto released =
      s.Submit({s.owner, {Role::kOwner, "openai"}, ReleaseAllocation{one.request->id, 1, ""}});
  s.Run();
  ASSERT_TRUE(released->status().ok());
  s.Restart();
  s.Run();
  const size_t acts = s.Trail(s.owner).size();
  const auto created_again = s.Create(request, Key(1));
  const auto fresh = s.Accept(two.request->id, "azure", 1, terms, Key(3));
  const auto accepted_again = s.Accept(one.request->id, "azure", 1, terms, Key(2));
  const auto conflict = s.Accept(two.request->id, "azure", 1, terms, Key(2, 9));
  s.Run();
  ASSERT_TRUE(created_again->status().ok()) << created_again->status();
  EXPECT_EQ(created_again->sequence(), created->sequence());
  ASSERT_TRUE(accepted_again->status().ok()) << accepted_again->status();
  EXPECT_EQ(accepted_again->sequence(), accepted->sequence());
  EXPECT_EQ(accepted_again->request().sequence, accepted->request().sequence);
  EXPECT_EQ(accepted_again->request().offers[0].allocation.state, AllocationState::kConfirmed);
  EXPECT_TRUE(fresh->status().ok()) << fresh->status();
  EXPECT_EQ(conflict->reason(), "IDEMPOTENCY_CONFLICT");
  EXPECT_EQ(s.Trail(s.owner).size(), acts + 1);
  s.ExpectSound(s.owner);
}

TEST_F(CoreTest, RepeatsARecordedRefusalAfterARestart) {
  const RequestBook offered = s.Offered();
  s.now = offered.offers[0].deadline + Seconds(1);
  const auto late = s.Accept(offered.request->id, "azure", 1, offered.offers[0].terms_hash, Key(1));
  s.Run();
  EXPECT_EQ(late->reason(), "LATE_ANSWER");
  s.Restart();
  s.Run();
  const size_t acts = s.Trail(s.owner).size();
  const auto again =
      s.Accept(offered.request->id, "azure", 1, offered.offers[0].terms_hash, Key(1));
  s.Run();
  EXPECT_EQ(again->reason(), "LATE_ANSWER");
  EXPECT_EQ(s.Trail(s.owner).size(), acts);
}

TEST_F(CoreTest, AnswersAnUnknownCommitThatWasMade) {
  s.ledger.FailNextCommit(CommitOutcome::kUnknown, /*takes_effect=*/true);
  s.hold_writes = true;
  const auto told = s.Create(s.NewRequest(), Key(1));
  s.Run();
  const auto on_top = s.Create(s.NewRequest(), Key(2));
  s.Run();
  s.hold_writes = false;
  s.FinishWrite();
  EXPECT_FALSE(told->IsAnswered());
  s.Run();
  EXPECT_TRUE(told->status().ok()) << told->status();
  EXPECT_TRUE(on_top->status().ok()) << on_top->status();
  EXPECT_EQ(on_top->sequence(), told->sequence() + 1);
  s.ExpectSound(s.owner);
}

TEST_F(CoreTest, SendsAnUnknownCommitThatWasNotMadeAgain) {
  s.ledger.FailNextCommit(CommitOutcome::kUnknown, /*takes_effect=*/false);
  const auto told = s.Create(s.NewRequest(), Key(1));
  s.Run();
  EXPECT_TRUE(told->status().ok()) << told->status();
  s.ExpectSound(s.owner);
}

TEST_F(CoreTest, GivesUpOnALedgerThatStaysAwayAndServesAgainByItself) {
  s.ledger.SetUnavailable(true, true);
  const auto told = s.Create(s.NewRequest());
  s.RunFor(Seconds(1));
  const auto queued = s.Create(s.NewRequest());
  s.Run();
  EXPECT_FALSE(told->IsAnswered());
  EXPECT_FALSE(queued->IsAnswered());
  s.RunFor(Seconds(2));
  EXPECT_EQ(told->reason(), "LEDGER_UNAVAILABLE");
  EXPECT_EQ(queued->reason(), "LEDGER_UNAVAILABLE");
  EXPECT_FALSE(s.is_open);
  EXPECT_TRUE(s.feed_ended);
  EXPECT_EQ(s.core->status().phase, SequencerStatus::Phase::kRecovering);
  const auto refused = s.Create(s.NewRequest());
  s.Run();
  EXPECT_EQ(refused->reason(), "LEDGER_UNAVAILABLE");
  s.RunFor(Seconds(10));
  s.ledger.SetUnavailable(false, false);
  s.RunFor(Seconds(3));
  EXPECT_TRUE(s.is_open);
  const auto after = s.Create(s.NewRequest());
  s.Run();
  EXPECT_TRUE(after->status().ok()) << after->status();
}

TEST_F(CoreTest, NoticesAnAbsentLedgerInQuietTimes) {
  s.ledger.SetUnavailable(true, true);
  s.RunFor(Seconds(4));
  EXPECT_EQ(s.core->status().phase, SequencerStatus::Phase::kRecovering);
  s.ledger.SetUnavailable(false, false);
  s.RunFor(Seconds(3));
  EXPECT_EQ(s.core->status().phase, SequencerStatus::Phase::kServing);
}

TEST_F(CoreTest, RefusesThePoisonAloneAndCommitsItsNeighbours) {
  std::vector<std::shared_ptr<Told>> told;
  std::vector<Request> requests;
  for (int i = 0; i < 9; ++i) requests.push_back(s.NewRequest());
  s.judge = [&](const Batch& batch) -> std::optional<CommitResult> {
    for (const SealedAct& act : batch.acts) {
      if (act.request == requests[5].id) return CommitResult{CommitOutcome::kRefused, {}, "poison"};
    }
    return std::nullopt;
  };
  for (const Request& request : requests)
    told.push_back(s.Create(request, Key(static_cast<uint8_t>(told.size()))));
  s.Run();
  for (size_t i = 0; i < told.size(); ++i) {
    if (i == 5) {
      EXPECT_TRUE(absl::IsInternal(told[i]->status())) << told[i]->status();
      EXPECT_EQ(told[i]->reason(), "BROKER_FAULT");
    } else {
      EXPECT_TRUE(told[i]->status().ok()) << i << told[i]->status();
    }
  }
  EXPECT_EQ(s.core->status().refused_commands, 1);
  s.ExpectSound(s.owner);
  // The key of the poison was not recorded.
  s.judge = nullptr;
  const auto again = s.Create(requests[5], Key(5));
  s.Run();
  EXPECT_TRUE(again->status().ok());
}

TEST_F(CoreTest, ADeadlineThatTheLedgerRefusesStopsNothingElse) {
  const RequestBook offered = s.Offered();
  const RequestBook neighbour = s.Offered();
  bool is_poisoned = true;
  s.judge = [&](const Batch& batch) -> std::optional<CommitResult> {
    for (const SealedAct& act : batch.acts) {
      if (is_poisoned && act.request == offered.request->id)
        return CommitResult{CommitOutcome::kRefused, {}, "poison"};
    }
    return std::nullopt;
  };
  s.now = offered.offers[0].deadline + Seconds(1);
  s.Run();
  const auto other = s.Create(s.NewRequest());
  s.Run();
  EXPECT_TRUE(other->status().ok()) << other->status();
  EXPECT_EQ(s.Find(neighbour.request->id)->offers[0].state, OfferState::kLapsed);
  EXPECT_EQ(s.Find(offered.request->id)->offers[0].state, OfferState::kOpen);
  EXPECT_EQ(s.core->status().set_aside, 1u);
  EXPECT_NE(s.core->status().first_set_aside.find(Format(offered.request->id)), std::string::npos)
      << s.core->status().first_set_aside;
  is_poisoned = false;
  s.RunFor(Seconds(3));
  EXPECT_EQ(s.core->status().set_aside, 0u);
  EXPECT_EQ(s.Find(offered.request->id)->offers[0].state, OfferState::kLapsed);
  s.ExpectSound(s.owner);
}

TEST_F(CoreTest, ADuplicateThatIsNoneIsTreatedAsPoison) {
  const Request bad = s.NewRequest();
  s.judge = [&](const Batch& batch) -> std::optional<CommitResult> {
    for (const SealedAct& act : batch.acts) {
      if (act.request == bad.id) return CommitResult{CommitOutcome::kDuplicateKey, {}, "says it"};
    }
    return std::nullopt;
  };
  const auto before = s.Create(s.NewRequest(), Key(1));
  const auto told = s.Create(bad, Key(2));
  const auto after = s.Create(s.NewRequest(), Key(3));
  s.Run();
  EXPECT_TRUE(before->status().ok());
  EXPECT_TRUE(absl::IsInternal(told->status())) << told->status();
  EXPECT_TRUE(after->status().ok());
}

TEST_F(CoreTest, DropsEverythingWhenFenced) {
  const RequestBook offered = s.Offered();
  s.hold_writes = true;
  const auto told = s.Create(s.NewRequest());
  s.Run();
  const auto on_top = s.Create(s.NewRequest());
  s.Run();
  // Another replica takes over, after the lease.
  s.Pass(Seconds(20));
  const auto theirs = s.ledger.Take("b", "b:1", {0, 1, 2, 3}, Seconds(10));
  ASSERT_TRUE(theirs.ok());
  s.hold_writes = false;
  s.FinishWrite();
  s.FinishWrite();
  EXPECT_EQ(told->reason(), "NOT_SERVING_OWNER");
  EXPECT_EQ(on_top->reason(), "NOT_SERVING_OWNER");
  EXPECT_TRUE(s.feed_ended);
  EXPECT_EQ(s.core->status().phase, SequencerStatus::Phase::kStandby);
  EXPECT_EQ(s.core->status().unfinished_requests, 0);
  s.RunFor(Seconds(5));
  EXPECT_EQ(s.core->status().phase, SequencerStatus::Phase::kStandby);
  ASSERT_TRUE(s.ledger.Release(*theirs).ok());
  s.RunFor(Seconds(2));
  EXPECT_EQ(s.core->status().phase, SequencerStatus::Phase::kServing);
  EXPECT_EQ(s.core->status().unfinished_requests, 1);
}

TEST_F(CoreTest, AHeartbeatThatIsRefusedDropsEverythingToo) {
  s.Pass(Seconds(20));
  ASSERT_TRUE(s.ledger.Take("b", "b:1", {2}, Seconds(10)).ok());
  s.Run();
  EXPECT_EQ(s.core->status().phase, SequencerStatus::Phase::kStandby);
}

TEST_F(CoreTest, RefusesNothingOnceItsLeaseMayBeOver) {
  const RequestBook offered = s.Offered();
  s.Pass(Seconds(20));  // Suspended. Another has taken over, and may have moved the offer.
  ASSERT_TRUE(s.ledger.Take("b", "b:1", {0, 1, 2, 3}, Seconds(10)).ok());
  const auto told = s.Accept(offered.request->id, "azure", 1, Hash{});
  s.Run();
  EXPECT_EQ(told->reason(), "NOT_SERVING_OWNER");
}

TEST_F(CoreTest, DoesNotTakeAnothersBatchForItsOwn) {
  s.hold_writes = true;
  const auto told = s.Create(s.NewRequest());
  s.Run();
  // While the commit is out, and never arrives, another takes over, writes exactly one batch to the
  // partition, and leaves.
  const Batch ours = *std::get<CommitCall>(s.writes.front()).batch;
  s.judge = [](const Batch&) { return CommitResult{CommitOutcome::kUnknown, {}, "lost"}; };
  s.Pass(Seconds(20));
  const auto theirs = s.ledger.Take("b", "b:1", {0, 1, 2, 3}, Seconds(10));
  ASSERT_TRUE(theirs.ok());
  Batch batch;
  const uint32_t partition = PartitionOf(s.owner, kPartitions);
  batch.fences = {{partition, (*theirs)[partition].epoch, (*theirs)[partition].batch}};
  batch.acts = ours.acts;
  batch.acts[0].request = RequestId{};
  batch.acts[0].text =
      R"({"actor":"broker","decisions":[{"kind":"RECOVERY_RESUMED"}],"owner":"openai","sequence":2,)"
      R"("time":"2025-02-03T12:00:00.000000Z"})";
  batch.acts[0].hash = Chain(ours.acts[0].hash, batch.acts[0].text);
  batch.books = ours.books;
  ASSERT_EQ(s.ledger.Commit(batch).outcome, CommitOutcome::kDurable);
  ASSERT_TRUE(s.ledger.Release(*theirs).ok());
  s.hold_writes = false;
  s.FinishWrite();
  s.judge = nullptr;
  s.Run();
  EXPECT_EQ(told->reason(), "LEDGER_UNAVAILABLE");
  EXPECT_TRUE(s.is_open);  // With their batch read, and nothing of ours.
}

TEST_F(CoreTest, PutsAFinishedRequestBackForALateCommand) {
  const RequestBook offered = s.Offered();
  const auto accepted = s.Accept(offered.request->id, "azure", 1, offered.offers[0].terms_hash);
  s.Run();
  ASSERT_EQ(accepted->request().state, RequestState::kFulfilled);
  s.Restart();
  s.Run();
  EXPECT_EQ(s.Find(offered.request->id), nullptr);
  s.hold_reads = true;
  const auto release =
      s.Submit({s.owner, {Role::kOwner, "openai"}, ReleaseAllocation{offered.request->id, 1, ""}});
  const auto again =
      s.Submit({s.owner, {Role::kOwner, "openai"}, ReleaseAllocation{offered.request->id, 1, ""}});
  const auto other = s.Create(s.NewRequest());
  RequestId none;
  none.bytes[3] = 7;
  const auto missing = s.Cancel(none);
  s.Run();
  EXPECT_TRUE(other->status().ok());  // Nobody else waits.
  EXPECT_FALSE(release->IsAnswered());
  s.hold_reads = false;
  s.Run();
  ASSERT_TRUE(release->status().ok()) << release->status();
  EXPECT_EQ(release->request().offers[0].allocation.state, AllocationState::kReleased);
  ASSERT_TRUE(again->status().ok()) << again->status();
  EXPECT_EQ((*again->answer)->act, nullptr);  // In order: the second finds it done.
  EXPECT_TRUE(absl::IsNotFound(missing->status())) << missing->status();
  s.ExpectSound(s.owner);
}

TEST_F(CoreTest, DoesNotPutAnOldStateOverALiveRequest) {
  s.hold_reads = true;
  const Request request = s.NewRequest();
  const auto cancelled =
      s.Cancel(request.id);  // Before there is such a request: the ledger is asked.
  const auto created = s.Create(request);
  s.Run();
  ASSERT_TRUE(created->status().ok()) << created->status();
  s.hold_writes = true;
  s.now = created->request().offers[0].deadline + Seconds(1);
  s.Run();  // The lapse is decided, and not durable when the trail is read.
  s.hold_reads = false;
  s.Run();
  s.hold_writes = false;
  s.Run();
  EXPECT_TRUE(cancelled->status().ok()) << cancelled->status();
  EXPECT_EQ(cancelled->request().offers[0].state, OfferState::kLapsed);
}

TEST_F(CoreTest, KeepsABoundedNumberOfFinishedRequests) {
  SequencerOptions options;
  options.finished_kept = 3;
  Stage few(options);
  few.SetUp();
  std::vector<RequestId> ids;
  for (int i = 0; i < 10; ++i) {
    const RequestBook offered = few.Offered();
    ids.push_back(offered.request->id);
    few.Cancel(offered.request->id);
    few.Run();
  }
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(few.Find(ids[i]) != nullptr, i >= 7) << i;
  EXPECT_EQ(few.core->status().unfinished_requests, 0);
  const auto again = few.Cancel(ids[0]);
  few.Run();
  EXPECT_TRUE(again->status().ok()) << again->status();
}

TEST_F(CoreTest, PutsBackEvenIfNothingIsKept) {
  SequencerOptions options;
  options.finished_kept = 0;
  Stage none(options);
  none.SetUp();
  const RequestBook offered = none.Offered();
  const auto first = none.Cancel(offered.request->id);
  none.Run();
  EXPECT_EQ(none.Find(offered.request->id), nullptr);
  const auto second = none.Cancel(offered.request->id);
  const auto third = none.Cancel(offered.request->id);
  none.Run();
  EXPECT_TRUE(second->status().ok()) << second->status();
  EXPECT_TRUE(third->status().ok()) << third->status();
  EXPECT_EQ(none.Find(offered.request->id), nullptr);
}

TEST_F(CoreTest, TollsAnOutageBeforeAnythingElse) {
  const RequestBook offered = s.Offered();
  const Instant deadline = offered.offers[0].deadline;
  s.now = deadline + Hours(1);  // Away since shortly after noon, and back after the deadline.
  s.Restart();
  s.Run();
  const RequestBook* back = s.Find(offered.request->id);
  ASSERT_NE(back, nullptr);
  EXPECT_EQ(back->offers[0].state, OfferState::kOpen);
  EXPECT_GT(back->offers[0].deadline, s.now);
  const auto accepted = s.Accept(offered.request->id, "azure", 1, offered.offers[0].terms_hash);
  s.Run();
  EXPECT_TRUE(accepted->status().ok()) << accepted->status();
  EXPECT_GT(s.core->status().downtime, Hours(1));
}

TEST_F(CoreTest, MeasuresAnOutageThatGoesOnThroughAFailedRecovery) {
  const RequestBook offered = s.Offered();
  s.now = offered.offers[0].deadline + Hours(1);
  s.Restart();
  s.judge = [&](const Batch&) { return CommitResult{CommitOutcome::kUnknown, {}, "lost"}; };
  s.Run();  // Taken, and the tolling not recorded: the ledger goes away.
  s.ledger.SetUnavailable(true, true);
  s.RunFor(Seconds(5));
  ASSERT_EQ(s.core->status().phase, SequencerStatus::Phase::kRecovering);
  s.judge = nullptr;
  s.ledger.SetUnavailable(false, false);
  s.RunFor(Seconds(5));
  ASSERT_NE(s.Find(offered.request->id), nullptr);
  EXPECT_EQ(s.Find(offered.request->id)->offers[0].state, OfferState::kOpen);
}

TEST_F(CoreTest, TollsFromTheFirstOutageWhenTheBrokerGoesDownBeforeItGaveItBack) {
  const RequestBook offered = s.Offered();
  const Instant deadline = offered.offers[0].deadline;
  const Instant down_since = s.now;
  s.Pass(Hours(10));
  s.Restart();
  s.hold_writes = true;
  s.Run();  // Takes the partitions, which moves their heartbeat; the tolling waits to be committed.
  ASSERT_FALSE(s.writes.empty());
  s.Pass(Seconds(5));
  s.hold_writes = false;
  s.Restart();  // And is lost.
  s.Run();
  const RequestBook* back = s.Find(offered.request->id);
  ASSERT_NE(back, nullptr);
  EXPECT_GE(back->offers[0].deadline, deadline + (s.now - down_since) - Seconds(1));

  // Once it was given back it is forgotten: the next outage is tolled from its own start.
  const Instant tolled = back->offers[0].deadline;
  s.Pass(Hours(1));
  s.Restart();
  s.Run();
  ASSERT_NE(s.Find(offered.request->id), nullptr);
  EXPECT_GE(s.Find(offered.request->id)->offers[0].deadline, tolled + Hours(1) - Seconds(1));
  EXPECT_LE(s.Find(offered.request->id)->offers[0].deadline, tolled + Hours(1) + Seconds(1));
}

// An unanswered heartbeat has the partitions taken again, which looks like an outage to the ledger.
TEST_F(CoreTest, ForgetsTheOutageThatItsOwnTakingMade) {
  const RequestBook offered = s.Offered();
  s.judge = [&](const Batch&) { return CommitResult{CommitOutcome::kUnknown, {}, "lost"}; };
  s.Create(s.NewRequest());
  s.Run();
  s.judge = nullptr;
  const Instant deadline = s.Find(offered.request->id)->offers[0].deadline;
  // For longer than the clause's threshold, and so busy that the partition's row is never moved by
  // itself.
  for (int i = 0; i < 100; ++i) {
    s.Create(s.NewRequest());
    s.RunFor(Span{500'000});
  }
  ASSERT_EQ(s.core->status().phase, SequencerStatus::Phase::kServing);
  s.Restart();  // Takes no time.
  s.Run();
  EXPECT_EQ(s.Find(offered.request->id)->offers[0].deadline, deadline);
}

TEST_F(CoreTest, ResumesFromTheLedgerWithTheSameBooks) {
  for (int i = 0; i < 3; ++i) s.Offered();
  const RequestBook declined = s.Offered();
  s.Submit({s.owner,
            {Role::kProvider, "azure"},
            DeclineOffer{declined.request->id, 1, DeclineReason::kPrice, "", Hours(1)}});
  s.Run();
  const auto heads = [&] {
    std::vector<std::string> out;
    for (const auto& shelved : s.core->books().all()) {
      const Book& book = shelved->book;
      out.push_back(Cat(book.owner.value, " ", book.sequence, " ", Hex(book.hash), " ",
                        book.deadlines.size(), " ", book.account.commitments.size(), " ",
                        book.account.cool_downs.size(), " ", book.directory.providers().size()));
    }
    std::sort(out.begin(), out.end());
    return out;
  };
  const auto before = heads();
  s.Restart();
  // Back within the second: nothing to resume.
  s.Run();
  EXPECT_EQ(heads(), before);
}

TEST_F(CoreTest, ReadsAnAccountInItsTurn) {
  absl::StatusOr<std::shared_ptr<const Account>> account, none = absl::UnknownError("");
  const auto read = [&](const OwnerId& owner, auto& to) {
    auto item = std::make_unique<Item>();
    item->kind = Item::Kind::kAccount;
    item->command.owner = owner;
    item->account_reply = [&to](absl::StatusOr<std::shared_ptr<const Account>> answer) {
      to = std::move(answer);
    };
    s.core->Submit(std::move(item));
  };
  s.hold_writes = true;
  s.Create(s.NewRequest());
  s.Run();
  read(s.owner, account);
  s.Run();
  EXPECT_FALSE(account.ok());  // Not before what it saw is durable.
  s.FinishWrite();
  read(OwnerId{"nobody"}, none);
  s.Run();
  ASSERT_TRUE(account.ok());
  EXPECT_EQ((*account)->agreements.size(), 1);
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(*none, nullptr);
}

TEST_F(CoreTest, DrainsEverythingThenReleases) {
  s.hold_writes = true;
  const auto told = s.Create(s.NewRequest());
  s.Run();
  const auto on_top = s.Create(s.NewRequest());
  s.Run();
  s.core->Drain();
  s.Run();
  EXPECT_FALSE(told->IsAnswered());
  s.hold_writes = false;
  s.FinishWrite();
  s.Run();
  EXPECT_TRUE(told->status().ok());
  EXPECT_TRUE(on_top->status().ok());
  EXPECT_EQ(s.core->status().phase, SequencerStatus::Phase::kStopped);
  EXPECT_TRUE(s.ledger.Take("b", "b:1", {0, 1, 2, 3}, Seconds(10)).ok());
}

TEST_F(CoreTest, BoundsABatch) {
  SequencerOptions options;
  options.batch_bound = 4;
  Stage small(options);
  small.SetUp();
  const size_t before = small.batches.size();
  std::vector<std::shared_ptr<Told>> told;
  for (int i = 0; i < 10; ++i) told.push_back(small.Create(small.NewRequest()));
  small.Run();
  for (const auto& one : told) EXPECT_TRUE(one->status().ok());
  EXPECT_EQ(small.batches.size() - before, 3);
}

}  // namespace
}  // namespace capbroker
