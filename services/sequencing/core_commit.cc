// The core's batches: handing them over, and what becomes of them.
#include <algorithm>
#include <iterator>

#include "absl/container/flat_hash_set.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/sequencing/core.h"
#include "services/sequencing/invariant.h"

namespace capbroker {
namespace {

constexpr Span kHeartbeat = Seconds(1);

}  // namespace

std::optional<WriteCall> Core::NextWrite(Moment now) {
  if (writing_ || failed_as_) return std::nullopt;
  std::optional<WriteCall> call;
  switch (mode_) {
    case Mode::kTaking:
    case Mode::kUnsure:
      if (now.boot_micros >= retry_at_ && !(draining_ && mode_ == Mode::kTaking)) {
        TakeCall take{options_.holder, options_.address, {}, options_.lease};
        for (uint32_t p = 0; p < partitions_; ++p) take.partitions.push_back(p);
        call = std::move(take);
      }
      break;
    case Mode::kLoading:
      if (draining_) {
        call = ReleaseCall{held_};
      } else if (call = NextBeat(now); !call && loading_ < partitions_) {
        call = RecoverCall{loading_};
      }
      break;
    case Mode::kServing:
      if (under_way_ > 0 && now.boot_micros >= next_beat_) break;
      if (call = NextBeat(now); !call) call = NextCommit();
      break;
    case Mode::kLookingUp:
      if (now.boot_micros >= retry_at_) call = FindKeys();
      break;
    case Mode::kStopped:
      break;
  }
  writing_ = call && !std::holds_alternative<CommitCall>(*call);
  return call;
}

void Core::Finish(WriteResult result, Moment now) {
  if (!std::holds_alternative<Committed>(result)) writing_ = false;
  std::visit([&](auto& its) { On(its, now); }, result);
}

std::optional<WriteCall> Core::NextCommit() {
  if (under_way_ < flights_.size()) {
    PendingBatch& again = flights_[under_way_];
    return CommitCall{again.Refence(TenuresAfter(under_way_++))};
  }
  // Behind another goes one that is not small, nor much smaller: of such ones there would be ever
  // more, each a transaction.
  const bool is_due =
      flights_.empty() || (under_way_ < kUnderWay && open_.acts() >= options_.least_behind &&
                           4 * open_.acts() >= 3 * flights_.back().acts());
  if (open_.HasActs() && is_due) {
    const std::vector<Tenure> held = TenuresAfter(under_way_);
    const Batch* ahead = flights_.empty() ? nullptr : &flights_.back().batch();
    flights_.push_back(std::exchange(open_, PendingBatch()));
    ++under_way_;
    return CommitCall{flights_.back().Seal(*books_, held, ahead)};
  }
  if (draining_ && IsEverythingAnswered()) return ReleaseCall{held_};
  return std::nullopt;
}

// As what is held will be when so many of the batches are durable.
std::vector<Tenure> Core::TenuresAfter(size_t flights) const {
  std::vector<Tenure> held = held_;
  for (size_t i = 0; i < flights; ++i) {
    for (const Batch::Fence& fence : flights_[i].batch().fences) held[fence.partition].batch++;
  }
  return held;
}

bool Core::IsEverythingAnswered() const {
  return queued() == 0 && open_.IsEmpty() && flights_.empty();
}

// A batch moves the rows of its own partitions; the others, and all of them in quiet times, are
// moved here. Also shows the clock the database's time, and that the database is there.
std::optional<WriteCall> Core::NextBeat(Moment now) {
  if (now.boot_micros < next_beat_) return std::nullopt;
  next_beat_ = now.boot_micros + kHeartbeat.micros;
  HeartbeatCall beat;
  beating_.clear();
  const bool all = std::exchange(outage_is_over_, false);
  for (uint32_t p = 0; p < partitions_; ++p) {
    if (!all && now.boot_micros - moved_at_[p] < kHeartbeat.micros) continue;
    beat.held.push_back(held_[p]);
    beating_.push_back(p);
  }
  if (beat.held.empty()) return std::nullopt;
  return beat;
}

void Core::On(const Beaten& beaten, Moment now) {
  if (mode_ != Mode::kServing && mode_ != Mode::kLoading) return;
  if (beaten.status.ok()) {
    for (const uint32_t p : beating_) moved_at_[p] = now.boot_micros;
  } else if (absl::IsFailedPrecondition(beaten.status)) {
    OnFenced(now);
  } else if (mode_ == Mode::kServing) {
    BecomeUnsure(now);
  } else {
    Drop(SequencerStatus::Phase::kRecovering,
         Refuse(absl::StatusCode::kUnavailable, "LEDGER_UNAVAILABLE",
                View(beaten.status.message())));
    RetryLater(now);
  }
}

void Core::On(const Committed& committed, Moment now) {
  if (under_way_ == 0) return;  // Everything was dropped meanwhile.
  if (!failed_as_ && committed.result.outcome == CommitOutcome::kDurable) {
    status_.committing_micros += committed.took.micros;
    status_.commits.Add(committed.took.micros);
    committing_ = Span{(7 * committing_.micros + committed.took.micros) / 8};
    OnDurable(now);
    return;
  }
  // The oldest failed, and those on top were fenced. But if it is not known what became of one,
  // nothing is taken back before the partitions were taken again: under the same epoch it could
  // still arrive, behind what was sent in place of the oldest.
  const CommitOutcome outcome = committed.result.outcome;
  Require(
      outcome != CommitOutcome::kDurable || failed_as_->outcome == CommitOutcome::kUnknown,
      "a batch is durable that rests on one that is not: ", failed_as_ ? failed_as_->error : "");
  if (!failed_as_ || outcome == CommitOutcome::kUnknown) failed_as_ = committed.result;
  if (--under_way_ == 0) OnFailed(*std::exchange(failed_as_, std::nullopt), now);
}

void Core::OnFailed(const CommitResult& result, Moment now) {
  if (result.outcome != CommitOutcome::kUnknown) unsure_since_.reset();
  switch (result.outcome) {
    case CommitOutcome::kDurable:
      break;  // It did not fail.
    case CommitOutcome::kFenced:
      OnFenced(now);
      break;
    case CommitOutcome::kDuplicateKey:
      status_.duplicate_batches++;
      TakeBack();
      mode_ = Mode::kLookingUp;
      break;
    case CommitOutcome::kRefused:
      status_.refused_batches++;
      TakeBack();
      SplitFailed(result.error, now);
      break;
    case CommitOutcome::kUnknown:
      status_.unknown_batches++;
      BecomeUnsure(now);
      break;
  }
}

void Core::OnFenced(Moment now) {
  status_.fenced++;
  Drop(SequencerStatus::Phase::kStandby, Refuse(absl::StatusCode::kUnavailable, "NOT_SERVING_OWNER",
                                                "another replica has taken the partitions"));
  retry_at_ = now.boot_micros + kHeartbeat.micros;
}

void Core::OnDurable(Moment now) {
  unsure_since_.reset();
  PendingBatch batch = std::move(flights_.front());
  flights_.pop_front();
  if (under_way_ > 0) --under_way_;
  batch.MarkDurable(*books_);
  for (const SealedAct& act : batch.batch().acts) {
    if (act.repeat) keys_.MarkDurable(act.owner, act.repeat->key);
  }
  for (const Batch::Fence& fence : batch.batch().fences) {
    Require(held_[fence.partition].batch == fence.last_batch, "partition ", fence.partition,
            " is at batch ", held_[fence.partition].batch, ", and batch ", fence.last_batch + 1,
            " is durable");
    held_[fence.partition].batch++;
    moved_at_[fence.partition] = now.boot_micros;
  }
  status_.batches++;
  status_.acts += batch.acts();
  status_.batch_sizes.Add(static_cast<int64_t>(batch.acts()));
  acts_bound_ = std::min(acts_bound_ * 2, options_.batch_bound);
  if (batch.directory() != nullptr) effects_.directory = batch.directory();
  for (ItemPtr& item : batch.TakeItems()) {
    if (item->kind == Item::Kind::kCommand) status_.commands++;
    Answer(std::move(item));
  }
  std::vector<Change> changes = batch.TakeChanges();
  std::move(changes.begin(), changes.end(), std::back_inserter(effects_.changes));
}

// Everything not durable is undone, and what was decided waits again, in its old order.
void Core::TakeBack() {
  failed_acts_ = flights_.front().acts();
  for (const ItemPtr& item : flights_.front().items()) {
    if (item->made_act)
      failed_ = {item->kind, item->order, item->command.owner, Subject(item->command)};
  }
  std::vector<ItemPtr> items;
  const auto collect = [&](std::vector<ItemPtr> from) {
    std::move(from.begin(), from.end(), std::back_inserter(items));
  };
  // The younger first: each stands on the one before.
  for (flights_.push_back(std::exchange(open_, PendingBatch())); !flights_.empty();
       flights_.pop_back()) {
    PendingBatch& batch = flights_.back();
    batch.TakeBack(*books_);
    for (const SealedAct& act : batch.batch().acts) {
      if (act.repeat) keys_.Forget(act.owner, act.repeat->key);
    }
    collect(batch.TakeItems());
  }
  collect(GiveUpReading());

  std::erase_if(items, [](const ItemPtr& item) { return item->kind == Item::Kind::kDeadline; });
  for (ItemPtr& item : items) {
    looked_up_ = std::max(looked_up_, item->order);
    item->is_decided = item->made_act = item->is_missing = false;
  }
  DecideAgain(std::move(items));
}

// After TakeBack of a batch that the database would not have, for a reason that is not known.
void Core::SplitFailed(const std::string& error, Moment now) {
  acts_bound_ = std::max<size_t>(failed_acts_ / 2, 1);
  if (failed_acts_ > 1) return;
  status_.refused_commands++;
  if (failed_.kind == Item::Kind::kDeadline) {
    books_->SetAside(*books_->Find(failed_.owner), failed_.request, now.time + kRetryAside,
                     Cat("the ledger refused the act of its deadline: ", error));
    return;
  }
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const ItemPtr& item) {
    return item->order == failed_.order;
  });
  Require(found != waiting_.end(), "command ", failed_.order, " was taken back, and does not wait");
  ItemPtr item = std::move(*found);
  waiting_.erase(found);
  Fail(std::move(item), Refuse(absl::StatusCode::kInternal, "BROKER_FAULT",
                               Cat("the ledger refused this: ", error)));
}

WriteCall Core::FindKeys() const {
  FindKeysCall call;
  absl::flat_hash_map<OwnerId, size_t> index;
  for (const ItemPtr& item : waiting_) {
    if (!item->repeat || item->order > looked_up_) continue;
    const auto [at, is_new] = index.try_emplace(item->command.owner, call.keys.size());
    if (is_new) call.keys.emplace_back(item->command.owner, std::vector<IdempotencyKey>());
    call.keys[at->second].second.push_back(item->repeat->key);
  }
  return call;
}

void Core::On(const KeysFound& found, Moment now) {
  if (mode_ != Mode::kLookingUp) return;
  if (!found.records.ok()) {
    TryAgain(now);
    return;
  }
  mode_ = Mode::kServing;
  unsure_since_.reset();
  // Told to the items themselves: the cache may be too small for all of them.
  absl::flat_hash_set<std::pair<OwnerId, IdempotencyKey>> recorded;
  for (const KeyRecord& record : *found.records) recorded.emplace(record.owner, record.key);
  for (const ItemPtr& item : waiting_) {
    if (!item->repeat || item->order > looked_up_) continue;
    item->key_is_recorded = recorded.contains({item->command.owner, item->repeat->key});
  }
  // It says that a key is there, and does not have it: then it is not the keys.
  if (found.records->empty()) SplitFailed("a key is said to be recorded, and is not", now);
}

void Core::BecomeUnsure(Moment now) {
  mode_ = Mode::kUnsure;
  TryAgain(now);
}

// Asks for an answer that did not come: the first time at once, then after longer and longer
// pauses. Advance looks at how long that has gone on.
void Core::TryAgain(Moment now) {
  if (unsure_since_) {  // Taking works, committing does not: that is no nearer to an answer.
    RetryLater(now);
    return;
  }
  unsure_since_ = retry_at_ = now.boot_micros;
  backoff_ = {};
}

}  // namespace capbroker
