// The sequencer without threads: a state machine that is given commands, the ledger's answers and
// the time, and gives calls of the ledger, replies and changes as data. It never waits and reads no
// clock, so the same inputs give the same trail; the threads around it (sequencer.cc) and the
// simulator drive it alike.
//
// What must hold, whatever comes when:
// - A reply leaves only when everything its decision rested on is durable, a refusal's as well. So
// a reply waits with
//   the batch that was open when it was found, and batches become durable in the order they were
//   decided. If it has nothing to wait for, the partitions must be known to be ours still.
// - An owner's commands are decided in arrival order, each at its arrival time or, if later, that
// of the book's last act.
// - A deadline is fired before the first command that arrived after it, and after every one that
// arrived by it.
// - What is not durable can be taken back (PendingBatch), so that a batch that fails costs nobody
// but the one at fault:
//     a key was recorded before   look up which, decide all of it again
//     the database refuses it     decide it again in halves, until the bad command is alone
//     unknown                     take the partitions again; the batch number tells: durable, or
//     send it once more. So too if
//                                 that is the outcome of one on top: under the same epoch it could
//                                 arrive at any time.
//     another holds a partition   drop everything; try to take again
// - The acts of a book up to Shelved::durable are durable, and later ones may be taken back. Only
// durable state is told, and
//   only durable state is evicted, from the books or from the cache of keys.
// - While a batch is being committed the next is handed in, so that the ledger has something to do.
// Each stands on the one
//   before, and names a fence of its: if that one fails, this is fenced, and both are taken back.
// - A key that is not known here may still be recorded. A batch that writes it again fails; but a
// refusal writes
//   nothing, so the ledger is asked before one is given.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "broker/deciding/decide.h"
#include "services/sequencing/books.h"
#include "services/sequencing/feed.h"
#include "services/sequencing/key_cache.h"
#include "services/sequencing/ledger_call.h"
#include "services/sequencing/pending_batch.h"
#include "services/sequencing/sequencer.h"
#include "services/sequencing/tap.h"

namespace capbroker {

// The time of a step: the broker's, for decisions, and the machine's, for what has nothing to do
// with the database's clock (retries, heartbeats).
struct Moment {
  Instant time;
  int64_t boot_micros = 0;
};

// What a step wants done besides calls, in this order.
struct Effects {
  Instant not_before;  // Clock::NotBefore, if set.
  std::optional<absl::Status>
      closed;  // Not OK: no more commands are taken, and watchers end, because of this.
  std::vector<Change> changes;                 // Now durable.
  std::vector<ItemPtr> answered;               // To be given their answers.
  std::shared_ptr<const Directory> directory;  // If it changed.
  std::optional<Standing> standing;  // For the tap, if there is one, once the partitions are held.
  bool opened = false;               // Commands and watchers are taken.
};

class Core {
 public:
  Core(SequencerOptions options, uint32_t partitions);

  // Inputs. Items in order of arrival, which is also that of `arrived`.
  void Submit(ItemPtr item);
  void Finish(WriteResult result, Moment now);
  void Finish(ReadResult result, Moment now);
  // Goes on as far as it can by itself. No item that arrived before `now.time` is submitted later.
  void Advance(Moment now);
  // No more is submitted; once everything is answered, the partitions are released and the phase is
  // kStopped.
  void Drain();
  // At once, with whatever was not answered told UNAVAILABLE.
  void Stop();

  // Outputs. A call is given once; the next of its kind after its result came, or batches while
  // kUnderWay have none.
  static constexpr size_t kUnderWay = 2;
  std::optional<WriteCall> NextWrite(Moment now);
  std::optional<ReadCall> NextRead();
  Effects TakeEffects() { return std::exchange(effects_, {}); }
  // How long nothing happens by itself after `now`; never more than a second.
  Span Idle(Moment now);

  SequencerStatus status();
  // Commands not decided yet.
  size_t queued() const;
  // How many of them there may be. A slow ledger that takes full batches makes it less; small ones
  // say little.
  size_t queue_bound() const;

  // For tests and invariants.
  const Books& books() const { return *books_; }

 private:
  using SubjectName = std::pair<OwnerId, RequestId>;
  enum class Mode {
    kTaking,   // Holds nothing.
    kLoading,  // Holds the partitions, reads them.
    kServing,
    kUnsure,     // A batch or a heartbeat is unanswered: takes again, to know.
    kLookingUp,  // A batch was taken back because of recorded keys: asks which.
    kStopped,
  };

  // core.cc: deciding.
  bool IsServing() const {
    return mode_ == Mode::kServing || mode_ == Mode::kUnsure || mode_ == Mode::kLookingUp;
  }
  // An answer of the ledger is missing, and asked for again.
  bool IsUnsure() const {
    return unsure_since_ && (mode_ == Mode::kUnsure || mode_ == Mode::kLookingUp);
  }
  bool CanDecide() const;
  bool ReleaseOpen(Moment now);
  bool FireDeadline(Instant before);
  void Handle(ItemPtr item);
  bool HandleRepeat(ItemPtr& item);
  bool Park(ItemPtr& item);
  void Record(ItemPtr item, Verdict verdict, Instant now);
  void LetGo(const Item& item);
  ItemPtr AnswerRepeat(ItemPtr item, ReadResult::Repeat repeat);
  void DecideAgain(std::vector<ItemPtr> items);
  std::vector<ItemPtr> GiveUpReading();
  void Answer(ItemPtr item);
  void Fail(ItemPtr item, const absl::Status& why);
  bool IsAhead(const SubjectName& name, const RequestBook* read);

  // core_commit.cc: batches, and what becomes of them.
  std::optional<WriteCall> NextCommit();
  std::optional<WriteCall> NextBeat(Moment now);
  WriteCall FindKeys() const;
  void On(const Committed& committed, Moment now);
  void On(const KeysFound& found, Moment now);
  void On(const Beaten& beaten, Moment now);
  void OnFailed(const CommitResult& result, Moment now);
  void OnDurable(Moment now);
  void OnFenced(Moment now);
  std::vector<Tenure> TenuresAfter(size_t flights) const;
  void TakeBack();
  void SplitFailed(const std::string& error, Moment now);
  void BecomeUnsure(Moment now);
  void TryAgain(Moment now);
  bool IsEverythingAnswered() const;

  // core_tenure.cc: taking, recovering, losing, giving back.
  void On(const Taken& taken, Moment now);
  void On(Recovered& recovered, Moment now);
  void OnLoaded(const std::vector<SubjectName>& requests, ReadResult result, Moment now);
  void ServeIfLoaded(Moment now);
  void On(const Released& released, Moment now);
  void Resolve(const std::vector<Tenure>& tenures, Moment now);
  void StartLoading(const std::vector<Tenure>& tenures, Moment now);
  void Serve(Moment now);
  void ResumeOwners(Instant now);
  void ForgetOutage();
  void Drop(SequencerStatus::Phase phase, const absl::Status& why);
  void RetryLater(Moment now);

  const SequencerOptions options_;
  const uint32_t partitions_;
  Mode mode_ = Mode::kTaking;
  SequencerStatus status_;
  absl::Status closed_;  // What is answered while not serving.
  bool draining_ = false;
  Effects effects_;
  Instant stepped_;  // The time of the last step.

  // The partitions; vectors are indexed by partition.
  std::vector<Tenure> held_;
  std::vector<int64_t> moved_at_;  // Boot time when its row was last moved.
  size_t resumes_owed_ = 0;        // Resume commands not durable yet.
  bool outage_is_over_ = false;    // The ledger has not been told: ForgetOutage.
  bool writing_ = false;           // A call that is not a batch's.
  std::vector<uint32_t> beating_;  // The partitions of the heartbeat under way.
  int64_t next_beat_ = 0;
  int64_t retry_at_ = 0;
  Span backoff_;
  std::optional<int64_t> unsure_since_;  // Boot time of the first of the missing answers in a row.
  uint32_t loading_ = 0;  // The next partition to recover; past the last, the requests are read.
  std::deque<SubjectName> unread_;  // Of them the unfinished requests to be read yet.

  std::unique_ptr<Books> books_;
  KeyCache keys_;

  uint64_t last_order_ = 0;
  std::deque<ItemPtr> waiting_;       // Arrived, not decided.
  PendingBatch open_;                 // Being decided.
  std::deque<PendingBatch> flights_;  // Decided and not known to be durable, the oldest first,
  size_t under_way_ = 0;              //   so many of them handed in; the others are to go again.
  std::optional<CommitResult> failed_as_;  // Of the oldest, while results of others are owed.
  Span committing_;                        // What a batch takes, of late.
  size_t acts_bound_;  // Of the open batch: halved whenever the database refuses one, doubled when
                       // it takes one.
  // The batch last taken back: how many acts it had and, if one, whose it was.
  struct Maker {
    Item::Kind kind = Item::Kind::kCommand;
    uint64_t order = 0;
    OwnerId owner;
    RequestId request;
  };
  size_t failed_acts_ = 0;
  Maker failed_;
  uint64_t looked_up_ = 0;  // Keys of items up to this order are being asked for.

  // What waits for reading.
  struct Reading {
    std::vector<SubjectName> requests;
    std::vector<ItemPtr> keys;
    bool is_busy = false;
    bool is_void = false;  // What is being read is of no use any more.
  };
  std::array<Reading, kReaders> readings_;
  absl::flat_hash_map<SubjectName, std::vector<ItemPtr>>
      parked_;  // For a request not in the book; each in order.
  size_t parked_count_ = 0;
  std::deque<SubjectName> wanted_;
  std::vector<ItemPtr> asking_;  // For the record of their key.
};

}  // namespace capbroker
