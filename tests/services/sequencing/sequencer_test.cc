// The threads around the core: that what is asked from many of them is answered once, in order, and
// that nothing hangs.
#include "services/sequencing/sequencer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <thread>

#include "broker/values/refusal.h"
#include "services/sequencing/command_queue.h"
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

Request RequestNumbered(uint64_t n) {
  Request request = SomeRequest(8000, "PRODUCT_INFERENCE");
  request.id = MakeRequestId(kNoon, {n << 8, 0});
  return request;
}

class SequencerTest : public testing::Test {
 protected:
  void SetUp() override {
    Start();
    for (const char* name : {"azure", "stargate-oracle", "stargate-softbank"}) {
      Provider provider;
      provider.id = ProviderId{name};
      ASSERT_TRUE(Do({kDirectory, kOps, RegisterProvider{provider}}).ok());
    }
    ASSERT_TRUE(Do({kOwner, kOps, ActivateAgreement{SeedAgreement()}}).ok());
  }
  void Start() {
    sequencer = std::make_unique<Sequencer>(ledger, feed, clock,
                                            SequencerOptions{.holder = "a", .address = ""});
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
  Command CreateNumbered(uint64_t n) {
    return {kOwner, {Role::kOwner, kOwner.value}, CreateRequest{RequestNumbered(n)}};
  }

  MemoryLedger ledger{4, DatabaseTime};
  Feed feed;
  Clock clock;
  std::unique_ptr<Sequencer> sequencer;
};

TEST_F(SequencerTest, AnswersManyThreadsOnceEach) {
  constexpr int kThreads = 4, kEach = 50;
  std::atomic<int> answered = 0, failed = 0;
  std::latch left(kThreads * kEach);
  const auto watcher = feed.WatchOwner(kOwner, 10'000, [] {});
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        sequencer->Submit({CreateNumbered(1 + t * kEach + i), std::nullopt},
                          [&](absl::StatusOr<Outcome> outcome) {
                            answered++;
                            if (!outcome.ok()) failed++;
                            left.count_down();
                          });
        sequencer->status();
        sequencer->directory();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  left.wait();
  EXPECT_EQ(answered, kThreads * kEach);
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(sequencer->directory()->providers().size(), 3);
  sequencer->Drain();  // After it, the last batch was published too.
  const auto changes = watcher->Take();
  ASSERT_TRUE(changes.ok());
  ASSERT_EQ(changes->size(), kThreads * kEach);
  for (size_t i = 1; i < changes->size(); ++i) {
    EXPECT_EQ((*changes)[i].act->sequence, (*changes)[i - 1].act->sequence + 1);
    EXPECT_GE((*changes)[i].act->time, (*changes)[i - 1].act->time);
  }
}

// Counts what it is given, and what the feed had by then.
class Counting final : public Recipient {
 public:
  Counting(Subscription& feed, ptrdiff_t expected) : feed_(feed), left_(expected) {}
  bool Take(uint64_t tag, absl::StatusOr<Outcome> outcome) override {
    if (outcome.ok()) given_.push_back(tag);
    return !std::exchange(giving_, true);
  }
  void Flush() override {
    giving_ = false;
    const std::vector<Change> changes = feed_.Take().value();
    for (const Change& change : changes) origins_.push_back(change.origin);
    is_behind_ |= origins_.size() < given_.size();
    left_.count_down(static_cast<ptrdiff_t>(given_.size() - counted_));
    counted_ = given_.size();
  }
  void Wait() { left_.wait(); }

  std::vector<uint64_t> given_, origins_;
  bool is_behind_ = false;

 private:
  Subscription& feed_;
  std::latch left_;
  bool giving_ = false;
  size_t counted_ = 0;
};

TEST_F(SequencerTest, ManyAtOnceAreDecidedInTheirOrderAndToldOncePerBatch) {
  constexpr uint64_t kMany = 300;
  const auto watcher = feed.WatchOwner(kOwner, 10'000, [] {});
  const auto recipient = std::make_shared<Counting>(*watcher, kMany);
  std::vector<Sequencer::Tagged> commands;
  for (uint64_t i = 1; i <= kMany; ++i)
    commands.push_back({{CreateNumbered(i), std::nullopt, 7}, i});
  ASSERT_TRUE(sequencer->SubmitAll(commands, recipient).ok());
  EXPECT_TRUE(commands.empty());
  recipient->Wait();
  EXPECT_EQ(recipient->given_.size(), kMany);
  EXPECT_TRUE(std::is_sorted(recipient->given_.begin(), recipient->given_.end()));
  EXPECT_FALSE(recipient->is_behind_);
  EXPECT_EQ(recipient->origins_, std::vector<uint64_t>(kMany, 7));
  EXPECT_LT(sequencer->status().batches, kMany / 2);

  sequencer->Drain();
  commands.push_back({{CreateNumbered(kMany + 1), std::nullopt}, kMany + 1});
  EXPECT_EQ(ReasonOf(sequencer->SubmitAll(commands, recipient)), "SHUTTING_DOWN");
  ASSERT_EQ(commands.size(), 1u);
  EXPECT_EQ(commands[0].tag, kMany + 1);
  EXPECT_EQ(recipient->given_.size(), kMany);
}

TEST(CommandQueue, TakesAsManyAsFit) {
  Clock clock;
  CommandQueue queue(clock, absl::UnavailableError("closed"));
  queue.Take(Span{}, 0, 4);
  queue.Open();
  std::vector<ItemPtr> items;
  for (uint64_t tag = 1; tag <= 3; ++tag) {
    items.push_back(std::make_unique<Item>());
    items.back()->tag = tag;
  }
  EXPECT_EQ(ReasonOf(queue.Push(items)), "OVERLOADED");
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0]->tag, 3u);
  EXPECT_EQ(queue.Take(Span{}, 0, 4).items.size(), 2u);
}

TEST_F(SequencerTest, DrainAnswersWhatItTookAndRefusesTheRest) {
  std::atomic<int> ok = 0, refused = 0;
  std::latch left(200);
  std::thread sender([&] {
    for (int i = 0; i < 200; ++i) {
      sequencer->Submit({CreateNumbered(1 + i), std::nullopt},
                        [&](absl::StatusOr<Outcome> outcome) {
                          if (outcome.ok()) {
                            ok++;
                          } else {
                            EXPECT_EQ(ReasonOf(outcome.status()), "SHUTTING_DOWN");
                            refused++;
                          }
                          left.count_down();
                        });
    }
  });
  sequencer->Drain();
  sender.join();
  left.wait();
  EXPECT_EQ(ok + refused, 200);
  EXPECT_EQ(sequencer->status().phase, SequencerStatus::Phase::kStopped);
  const auto late = feed.WatchOwner(kOwner, 10, [] {});
  EXPECT_TRUE(absl::IsUnavailable(late->Take().status()));
  sequencer->Drain();  // Twice does no harm.
  // Given back: another has it at once, and finds what was answered.
  EXPECT_TRUE(ledger.Take("b", "", {0, 1, 2, 3}, Seconds(10)).ok());
  EXPECT_EQ(ledger.AllRequests(kOwner)->size(), static_cast<size_t>(ok));
}

TEST_F(SequencerTest, EndsQuicklyWithoutADrain) {
  std::atomic<int> answered = 0;
  for (int i = 0; i < 100; ++i) {
    sequencer->Submit({CreateNumbered(1 + i), std::nullopt},
                      [&](absl::StatusOr<Outcome>) { answered++; });
  }
  sequencer.reset();
  EXPECT_EQ(answered, 100);
  const size_t recorded = ledger.AllRequests(kOwner)->size();
  Start();
  EXPECT_EQ(sequencer->status().unfinished_requests, recorded);
}

TEST_F(SequencerTest, ReadsAccounts) {
  std::promise<size_t> agreements;
  sequencer->ReadAccount(kOwner, [&](absl::StatusOr<std::shared_ptr<const Account>> account) {
    agreements.set_value(account.ok() && *account != nullptr ? (*account)->agreements.size() : 0);
  });
  EXPECT_EQ(agreements.get_future().get(), 1);
}

TEST_F(SequencerTest, StandsByWhileAnotherHolds) {
  Feed other_feed;
  Clock other_clock;
  Sequencer other(ledger, other_feed, other_clock, SequencerOptions{.holder = "b", .address = ""});
  other.Start(4);
  EXPECT_FALSE(other.WaitUntilServing(Span{}).ok());
  std::latch refused(1);
  other.Submit({CreateNumbered(1), std::nullopt}, [&](absl::StatusOr<Outcome> outcome) {
    EXPECT_TRUE(absl::IsUnavailable(outcome.status()));
    refused.count_down();
  });
  refused.wait();
  sequencer->Drain();
  EXPECT_TRUE(other.WaitUntilServing(Seconds(30)).ok());
}

TEST(Sequencer, NeedsNoStart) {
  MemoryLedger ledger(4, DatabaseTime);
  Feed feed;
  Clock clock;
  Sequencer sequencer(ledger, feed, clock, {});
  sequencer.Submit({}, [](absl::StatusOr<Outcome> outcome) {
    EXPECT_TRUE(absl::IsUnavailable(outcome.status()));
  });
  sequencer.Drain();
}

TEST(CommandQueue, StampsInOrderAndIsBounded) {
  int64_t boot = 0;
  Clock clock([&] { return ++boot; });
  clock.Observe(kNoon, 0, 0);
  CommandQueue queue(clock, absl::UnavailableError("closed"));
  auto item = std::make_unique<Item>();
  EXPECT_TRUE(absl::IsUnavailable(queue.Push(item)));
  EXPECT_NE(item, nullptr);  // Left with the caller.
  queue.Take(Span{}, 0, 6);
  queue.Open();
  for (int i = 0; i < 3; ++i) {
    item = std::make_unique<Item>();
    EXPECT_TRUE(queue.Push(item).ok());
  }
  item = std::make_unique<Item>();
  EXPECT_EQ(ReasonOf(queue.Push(item)), "OVERLOADED");
  const CommandQueue::Taken taken = queue.Take(Seconds(1), 0, 6);
  ASSERT_EQ(taken.items.size(), 3);
  EXPECT_LT(taken.items[0]->arrived, taken.items[1]->arrived);
  EXPECT_LT(taken.items[2]->arrived, taken.as_of);
  queue.Take(Span{}, 3, 6);  // All three are still undecided.
  EXPECT_EQ(ReasonOf(queue.Push(item)), "OVERLOADED");
  queue.Take(Span{}, 2, 6);
  EXPECT_TRUE(queue.Push(item).ok());
  // New requests have half of the room; what is under way has all of it.
  const auto answer = [&] {
    auto accept = std::make_unique<Item>();
    accept->command.what = AcceptOffer{};
    return queue.Push(accept);
  };
  EXPECT_TRUE(answer().ok() && answer().ok() && answer().ok());
  EXPECT_EQ(ReasonOf(answer()), "OVERLOADED");
}

}  // namespace
}  // namespace capbroker
