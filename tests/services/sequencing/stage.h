// A stage for the sequencer's core: a ledger in memory, a clock in the test's hand, and every call
// of the ledger made when the test wants it. Whatever is answered OK is looked for in the ledger
// first.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/trail/canonical.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/sequencing/core.h"
#include "storage/memory_ledger.h"
#include "tests/broker/story.h"

namespace capbroker {

inline constexpr uint32_t kPartitions = 4;

// What a caller was told, if anything yet.
struct Told {
  std::optional<absl::StatusOr<Outcome>> answer;
  bool IsAnswered() const { return answer.has_value(); }
  absl::Status status() const {
    return answer ? answer->status() : absl::UnknownError("not answered");
  }
  std::string reason() const { return ReasonOf(status()); }
  uint64_t sequence() const { return (*answer)->sequence; }
  const RequestBook& request() const { return *(*answer)->request; }
};

inline Repeat Key(uint8_t key, uint8_t payload = 0) {
  Repeat repeat;
  repeat.key[0] = key;
  repeat.payload[0] = payload;
  return repeat;
}

// A replica of the broker, and what is under way for it.
struct Replica {
  SequencerOptions options;
  std::unique_ptr<Core> core;
  std::unique_ptr<Clock> clock;
  std::deque<WriteCall> writes;  // Given out by the core, not made yet, in order.
  std::optional<ReadCall> read,
      second_read;  // Run asks for the first; the second is for tests that want it.
  std::vector<ItemPtr> arrived;
  bool is_open = false, feed_ended = false;
};

class Stage : public Replica {
 public:
  // Batches of one act go behind others too: what may go wrong with large ones is seen with few
  // commands.
  static SequencerOptions Usual() {
    SequencerOptions options;
    options.least_behind = 1;
    return options;
  }
  explicit Stage(SequencerOptions its = Usual()) : ledger(kPartitions, [this] { return now; }) {
    options = std::move(its);
    if (options.holder.empty()) options.holder = "a";
    Restart();
  }

  // The core forgets everything; the ledger does not. Calls under way are lost.
  void Restart() {
    core = std::make_unique<Core>(options, kPartitions);
    clock = std::make_unique<Clock>([this] { return Boot(); });
    writes.clear();
    read.reset();
    second_read.reset();
    arrived.clear();
    is_open = false;
    feed_ended = false;
  }

  // Goes on with the other replica; this one, with its calls, stands still in its place. An empty
  // one starts.
  void Switch(Replica& other) {
    std::swap(static_cast<Replica&>(*this), other);
    if (core == nullptr) Restart();
  }

  int64_t Boot() const { return (now - kNoon).micros + 1'000'000'000; }
  Moment Now() { return {clock->Now(), Boot()}; }

  std::shared_ptr<Told> Submit(Command command, std::optional<Repeat> repeat = std::nullopt) {
    auto told = std::make_shared<Told>();
    auto item = std::make_unique<Item>();
    item->command = std::move(command);
    item->repeat = repeat;
    item->arrived = clock->Now();
    item->reply = [told](absl::StatusOr<Outcome> answer) {
      EXPECT_FALSE(told->IsAnswered()) << "answered twice";
      told->answer = std::move(answer);
    };
    arrived.push_back(std::move(item));
    return told;
  }

  // Hands in what arrived and goes on until only what is held, or time, is waited for.
  void Run() {
    for (bool moved = true; moved;) {
      moved = false;
      const Moment moment = Now();
      for (ItemPtr& item : std::exchange(arrived, {})) core->Submit(std::move(item));
      core->Advance(moment);
      CarryOut();
      while (std::optional<WriteCall> write = core->NextWrite(moment)) {
        writes.push_back(*std::move(write));
        moved = true;
      }
      if (!read) {
        read = core->NextRead();
        moved |= read.has_value();
      }
      if (!writes.empty() && !(hold_writes && std::holds_alternative<CommitCall>(writes.front()))) {
        FinishWrite();
        moved = true;
      }
      if (read && !hold_reads) {
        FinishRead();
        moved = true;
      }
    }
  }
  void FinishWrite() {
    const WriteCall call = std::move(writes.front());
    writes.pop_front();
    WriteResult result = Committed{};
    const auto* commit = std::get_if<CommitCall>(&call);
    if (commit != nullptr) batches.push_back(commit->batch);
    std::optional<CommitResult> judged;
    if (commit != nullptr && judge) judged = judge(*commit->batch);
    if (judged) {
      result = Committed{*judged, {}};
    } else {
      result = capbroker::Run(ledger, *clock, call);
    }
    if (auto* committed = std::get_if<Committed>(&result)) committed->took = commits_take;
    core->Finish(std::move(result), Now());
    CarryOut();
  }
  void FinishRead() { FinishRead(read); }
  void FinishRead(std::optional<ReadCall>& its) {
    const ReadCall call = *std::exchange(its, std::nullopt);
    core->Finish(capbroker::Run(ledger, call), Now());
    CarryOut();
  }
  void Pass(Span span) { now = now + span; }
  // Lets time pass in steps, so that what happens by itself does.
  void RunFor(Span span, Span step = Span{100'000}) {
    for (const Instant end = now + span; now < end;) {
      Pass(std::min(step, end - now));
      Run();
    }
  }

  void CarryOut() {
    Effects effects = core->TakeEffects();
    if (effects.not_before.IsSet()) clock->NotBefore(effects.not_before);
    if (effects.closed) {
      is_open = false;
      feed_ended = true;
    }
    for (const ItemPtr& item : effects.answered) {
      if (item->answer.ok() && item->answer->sequence != 0) {
        ExpectDurable(item->command.owner, item->answer->sequence);
      }
      if (item->reply) std::move(item->reply)(std::move(item->answer));
      if (item->account_reply) std::move(item->account_reply)(std::move(item->account));
    }
    for (Change& change : effects.changes) {
      ExpectDurable(change.owner, change.act->sequence, Encode(*change.act));
      if (change.request != nullptr) changes.push_back(std::move(change));
    }
    if (effects.opened) is_open = true;
  }

  // With this text, if it is known.
  void ExpectDurable(const OwnerId& whose, uint64_t sequence, const std::string& text = "") {
    const auto kept = ledger.ReadActs({.owner = whose, .from = sequence - 1, .limit = 1});
    if (!kept.ok()) return;  // The test has taken reading away.
    ASSERT_EQ(kept->size(), 1) << "answered, and not durable: act " << sequence;
    if (!text.empty()) {
      EXPECT_EQ(kept->front().text, text);
    }
  }

  // The seed story's agreement and providers. Everything is durable after.
  void SetUp() {
    Run();
    ASSERT_TRUE(is_open);
    for (const char* name : {"azure", "stargate-oracle", "stargate-softbank"}) {
      Provider provider;
      provider.id = ProviderId{name};
      provider.display_name = name;
      Submit({kDirectory, kOps, RegisterProvider{provider}});
    }
    auto agreement = SeedAgreement();
    for (Clause& clause : agreement.clauses) {
      if (auto* right = As<FirstRefusal>(clause)) right->asking.toll_over = Seconds(30);
    }
    const auto told = Submit({owner, kOps, ActivateAgreement{agreement}});
    Run();
    ASSERT_TRUE(told->status().ok()) << told->status();
  }

  Request NewRequest(int64_t quantity = 8000) {
    Request request = SomeRequest(quantity, "PRODUCT_INFERENCE");
    request.id = MakeRequestId(now, {++ids_ << 8, 0});
    return request;
  }
  std::shared_ptr<Told> Create(const Request& request,
                               std::optional<Repeat> repeat = std::nullopt) {
    return Submit({owner, {Role::kOwner, owner.value}, CreateRequest{request}}, repeat);
  }
  std::shared_ptr<Told> Accept(const RequestId& request, const std::string& provider,
                               uint32_t offer, const Hash& terms,
                               std::optional<Repeat> repeat = std::nullopt) {
    return Submit({owner, {Role::kProvider, provider}, AcceptOffer{request, offer, terms, 0}},
                  repeat);
  }
  std::shared_ptr<Told> Cancel(const RequestId& request,
                               std::optional<Repeat> repeat = std::nullopt) {
    return Submit({owner, {Role::kOwner, owner.value}, CancelRequest{request, ""}}, repeat);
  }
  // A request whose offer 1 azure has; durable.
  RequestBook Offered() {
    const auto told = Create(NewRequest());
    Run();
    EXPECT_TRUE(told->status().ok()) << told->status();
    return told->request();
  }

  const RequestBook* Find(const RequestId& id) const {
    for (const auto& shelved : core->books().all()) {
      if (const RequestBook* found = shelved->book.Find(id); found != nullptr) return found;
    }
    return nullptr;
  }
  std::vector<SealedAct> Trail(const OwnerId& of) {
    return *ledger.ReadActs({.owner = of, .limit = 1'000'000});
  }
  // Of what the ledger holds: chains, sequence numbers, times.
  void ExpectSound(const OwnerId& of) {
    Hash hash{};
    uint64_t sequence = 0;
    Instant time;
    for (const SealedAct& act : Trail(of)) {
      ASSERT_EQ(act.sequence, ++sequence);
      hash = Chain(hash, act.text);
      ASSERT_EQ(act.hash, hash);
      ASSERT_GE(act.time, time);
      time = act.time;
    }
  }

  const OwnerId owner{"openai"};
  const Actor kOps{Role::kOperator, "ops"};
  Instant now = kNoon;
  MemoryLedger ledger;
  bool hold_writes = false, hold_reads = false;
  Span commits_take;                                               // As the core is told.
  std::function<std::optional<CommitResult>(const Batch&)> judge;  // Stands before the ledger.
  std::vector<std::shared_ptr<const Batch>> batches;               // Sent, in order.
  std::vector<Change> changes;

 private:
  uint64_t ids_ = 0;
};

}  // namespace capbroker
