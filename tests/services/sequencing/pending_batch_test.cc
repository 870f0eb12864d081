// Two batches over one book, the upper on top of the lower: what each restores, when what is
// finished is evicted, and that the process stops rather than take the state of a batch that is not
// durable for durable.
#include "services/sequencing/pending_batch.h"

#include <gtest/gtest.h>

#include "services/sequencing/books.h"
#include "tests/broker/story.h"

namespace capbroker {
namespace {

class PendingBatchTest : public testing::Test {
 protected:
  // One act of one decision, about the one request.
  void Add(PendingBatch& batch, Kind kind) {
    Shelved& shelved = books.Get(owner);
    Decision decision{.kind = kind};
    if (kind == Kind::REQUEST_RECEIVED) decision.request = request;
    auto act = std::make_shared<Act>();
    act->owner = owner;
    act->sequence = shelved.book.sequence + 1;
    act->time = kNoon + Seconds(static_cast<int64_t>(act->sequence));
    act->request = request->id;
    act->decisions = {decision};
    batch.Add(books, shelved, act, nullptr, std::nullopt, 0);
  }
  const RequestBook* Find() { return books.Get(owner).book.Find(request->id); }
  void KeepFinished() { books.KeepFinished(books.Get(owner), request->id); }

  const OwnerId owner{"openai"};
  const std::shared_ptr<const Request> request = [] {
    Request its = SomeRequest(8000, "PRODUCT_INFERENCE");
    its.id = MakeRequestId(kNoon, {1, 0});
    return std::make_shared<const Request>(its);
  }();
  Books books{1, /*finished_kept=*/0, /*awake_kept=*/0};
  PendingBatch lower, upper;
};

TEST_F(PendingBatchTest, EvictsWhatIsFinishedOnceThatIsDurable) {
  Add(lower, Kind::REQUEST_RECEIVED);
  Add(upper, Kind::REQUEST_CANCELLED);
  KeepFinished();
  lower.MarkDurable(books);
  KeepFinished();
  ASSERT_NE(Find(), nullptr);
  EXPECT_EQ(books.unfinished(), 0u);
  upper.MarkDurable(books);
  EXPECT_EQ(Find(), nullptr);
}

TEST_F(PendingBatchTest, LeavesWhatTheUpperChangedToTheUpper) {
  Add(lower, Kind::REQUEST_RECEIVED);
  Add(lower, Kind::REQUEST_CANCELLED);
  Add(upper, Kind::IMMATERIAL_CHANGE);
  lower.MarkDurable(books);
  ASSERT_NE(Find(), nullptr);
  upper.TakeBack(books);  // To what is finished and durable.
  EXPECT_EQ(Find(), nullptr);
}

TEST_F(PendingBatchTest, TakesBackToWhatTheLowerLeftAndThenToNothing) {
  Add(lower, Kind::REQUEST_RECEIVED);
  Add(lower, Kind::REQUEST_CANCELLED);
  const Hash hash = books.Get(owner).book.hash;
  const RequestBook cancelled = *Find();
  Add(upper, Kind::IMMATERIAL_CHANGE);
  upper.TakeBack(books);
  ASSERT_NE(Find(), nullptr);  // Finished, and not durable.
  EXPECT_EQ(*Find(), cancelled);
  EXPECT_EQ(books.Find(owner)->book.hash, hash);
  EXPECT_EQ(books.Find(owner)->book.sequence, 2u);
  lower.TakeBack(books);
  EXPECT_EQ(Find(), nullptr);
  EXPECT_EQ(books.Find(owner), nullptr);
  // The same sequences once more, and durable this time.
  PendingBatch again;
  Add(again, Kind::REQUEST_RECEIVED);
  Add(again, Kind::REQUEST_CANCELLED);
  ASSERT_NE(Find(), nullptr);
  again.MarkDurable(books);
  EXPECT_EQ(Find(), nullptr);
}

using PendingBatchDeathTest = PendingBatchTest;

TEST_F(PendingBatchDeathTest, StopsWhenBatchesBecomeDurableOutOfOrder) {
  Add(lower, Kind::REQUEST_RECEIVED);
  Add(upper, Kind::REQUEST_CANCELLED);
  EXPECT_DEATH(upper.MarkDurable(books), "acts 2 to 2 of openai are durable after act 0");
}

TEST_F(PendingBatchDeathTest, StopsWhenABatchIsTakenBackUnderAnother) {
  Add(lower, Kind::REQUEST_RECEIVED);
  Add(upper, Kind::REQUEST_CANCELLED);
  EXPECT_DEATH(lower.TakeBack(books), "acts of openai are taken back to 0 from 1 under act 2");
}

TEST_F(PendingBatchDeathTest, StopsWhenWhatIsDurableIsTakenBack) {
  Add(lower, Kind::REQUEST_RECEIVED);
  lower.MarkDurable(books);
  EXPECT_DEATH(lower.TakeBack(books), "act 1 of openai is durable");
}

}  // namespace
}  // namespace capbroker
