// The threads around the core: one that steps it, one that writes for it and one that reads.
#include "services/sequencing/sequencer.h"

#include <pthread.h>

#include <array>
#include <thread>
#include <utility>

#include "absl/time/time.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/sequencing/command_queue.h"
#include "services/sequencing/core.h"
#include "services/sequencing/worker.h"
#include "services/sequencing/write_lane.h"

namespace capbroker {
namespace {

absl::Status GoingDown() {
  return Refuse(absl::StatusCode::kUnavailable, "SHUTTING_DOWN", "this replica is going down");
}

ItemPtr ItemOf(Submission submission) {
  auto item = std::make_unique<Item>();
  item->command = std::move(submission.command);
  item->repeat = submission.repeat;
  item->origin = submission.origin;
  return item;
}

void GiveAnswer(Item& item) {
  if (item.reply) std::move(item.reply)(std::move(item.answer));
  if (item.account_reply) std::move(item.account_reply)(std::move(item.account));
}

}  // namespace

class Sequencer::Threads {
 public:
  Threads(Ledger& ledger, Feed& feed, Clock& clock, SequencerOptions options)
      : ledger_(ledger),
        feed_(feed),
        clock_(clock),
        options_(std::move(options)),
        queue_(clock, Refuse(absl::StatusCode::kUnavailable, "LEDGER_UNAVAILABLE",
                             "starting: the trail is being read")) {
    status_.detail = "not started";
  }

  ~Threads() {
    queue_.Stop(GoingDown());
    if (thread_.joinable()) thread_.join();
  }

  void Start(uint32_t partitions) {
    core_ = std::make_unique<Core>(options_, partitions);
    writer_ = std::make_unique<WriteLane>(
        ledger_, clock_, [this](WriteResult result) { queue_.Post(std::move(result)); });
    for (auto& reader : readers_) reader = std::make_unique<Worker>("ledger-read");
    thread_ = std::thread([this] { Run(); });
  }

  void Submit(ItemPtr item) {
    absl::Status refused = queue_.Push(item);
    if (refused.ok()) return;
    item->answer = refused;
    item->account = std::move(refused);
    GiveAnswer(*item);
  }

  absl::Status Submit(std::vector<ItemPtr>& items) { return queue_.Push(items); }

  void Drain() {
    if (!thread_.joinable()) return;
    queue_.Drain(GoingDown());
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](SequencerStatus* status) { return status->phase == SequencerStatus::Phase::kStopped; },
        &status_));
  }

  absl::Status WaitUntilServing(Span timeout) {
    absl::MutexLock lock(&mutex_);
    const bool is_serving =
        mutex_.AwaitWithTimeout(absl::Condition(
                                    +[](SequencerStatus* status) {
                                      return status->phase == SequencerStatus::Phase::kServing;
                                    },
                                    &status_),
                                absl::Microseconds(timeout.micros));
    if (is_serving) return absl::OkStatus();
    return Refuse(absl::StatusCode::kUnavailable, "LEDGER_UNAVAILABLE",
                  Cat("not serving: ", status_.detail));
  }

  std::shared_ptr<const Directory> directory() const {
    absl::MutexLock lock(&mutex_);
    return directory_;
  }

  SequencerStatus status() const {
    absl::MutexLock lock(&mutex_);
    return status_;
  }

 private:
  void Run() {
    pthread_setname_np(pthread_self(), "sequencer");
    for (;;) {
      const Span idle = core_->Idle({clock_.Now(), clock_.Boot()});
      CommandQueue::Taken in = queue_.Take(idle, core_->queued(), core_->queue_bound());
      const Moment now{in.as_of, clock_.Boot()};
      if (in.drain) core_->Drain();
      for (ReadResult& read : in.reads) core_->Finish(std::move(read), now);
      for (WriteResult& written : in.writes) {
        core_->Finish(std::move(written), now);
        StartWrite(now);  // What was decided meanwhile goes before anybody is told.
        CarryOut();
      }
      for (ItemPtr& item : in.items) core_->Submit(std::move(item));
      if (in.stop) core_->Stop();
      do {
        core_->Advance(now);
      } while (StartWrite(now));
      StartReads();
      CarryOut();
      Publish();
      if (in.stop) return;
    }
  }

  bool StartWrite(Moment now) {
    std::optional<WriteCall> call = core_->NextWrite(now);
    if (!call) return false;
    writer_->Start(*std::move(call));
    return true;
  }

  void StartReads() {
    while (std::optional<ReadCall> call = core_->NextRead()) {
      Worker& reader = *readers_[call->reader];
      reader.Start([this, call = *std::move(call)] { queue_.Post(capbroker::Run(ledger_, call)); });
    }
  }

  void CarryOut() {
    Effects effects = core_->TakeEffects();
    if (effects.not_before.IsSet()) clock_.NotBefore(effects.not_before);
    if (effects.closed) {
      queue_.Close(*effects.closed);
      feed_.EndAll(*effects.closed);
    }
    if (effects.directory != nullptr) {  // Before its watchers are told that it changed.
      absl::MutexLock lock(&mutex_);
      directory_ = std::move(effects.directory);
    }
    // First: whoever takes a change from the feed has the replies of its batch.
    std::vector<Recipient*> given;
    for (const ItemPtr& item : effects.answered) {
      if (item->recipient != nullptr && item->recipient->Take(item->tag, std::move(item->answer))) {
        given.push_back(item->recipient.get());
      }
    }
    if (!effects.changes.empty()) feed_.Publish(effects.changes);
    for (Recipient* recipient : given) recipient->Flush();
    if (options_.tap != nullptr) TellTap(effects);
    // Last: who was answered, and then watches, is told no news of what it knows.
    for (const ItemPtr& item : effects.answered) GiveAnswer(*item);
    if (effects.opened) {
      feed_.Open();
      queue_.Open();
    }
  }

  void TellTap(Effects& effects) {
    if (!effects.changes.empty()) options_.tap->Add(std::move(effects.changes));
    if (effects.closed) options_.tap->End();
    if (effects.standing) options_.tap->Begin(*std::move(effects.standing));
  }

  void Publish() {
    SequencerStatus status = core_->status();
    status.stepped_micros = clock_.Boot();
    absl::MutexLock lock(&mutex_);
    status_ = std::move(status);
  }

  Ledger& ledger_;
  Feed& feed_;
  Clock& clock_;
  const SequencerOptions options_;
  CommandQueue queue_;

  std::unique_ptr<Core> core_;  // Of the sequencer's thread alone.

  mutable absl::Mutex mutex_;
  SequencerStatus status_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const Directory> directory_ ABSL_GUARDED_BY(mutex_) =
      std::make_shared<const Directory>();

  // Last, so that they end while what they use is there.
  std::unique_ptr<WriteLane> writer_;
  std::array<std::unique_ptr<Worker>, kReaders> readers_;
  std::thread thread_;
};

Sequencer::Sequencer(Ledger& ledger, Feed& feed, Clock& clock, SequencerOptions options)
    : threads_(std::make_unique<Threads>(ledger, feed, clock, std::move(options))) {}
Sequencer::~Sequencer() = default;

void Sequencer::Start(uint32_t partitions) { threads_->Start(partitions); }
absl::Status Sequencer::WaitUntilServing(Span timeout) {
  return threads_->WaitUntilServing(timeout);
}
void Sequencer::Drain() { threads_->Drain(); }
std::shared_ptr<const Directory> Sequencer::directory() const { return threads_->directory(); }
SequencerStatus Sequencer::status() const { return threads_->status(); }

void Sequencer::Submit(Submission submission, Reply reply) {
  ItemPtr item = ItemOf(std::move(submission));
  item->reply = std::move(reply);
  threads_->Submit(std::move(item));
}

absl::Status Sequencer::SubmitAll(std::vector<Tagged>& commands,
                                  const std::shared_ptr<Recipient>& recipient) {
  std::vector<ItemPtr> items;
  items.reserve(commands.size());
  for (Tagged& command : commands) {
    items.push_back(ItemOf(std::move(command.submission)));
    items.back()->recipient = recipient;
    items.back()->tag = command.tag;
  }
  absl::Status status = threads_->Submit(items);
  commands.erase(commands.begin(), commands.end() - static_cast<ptrdiff_t>(items.size()));
  return status;
}

void Sequencer::ReadAccount(const OwnerId& owner, AccountReply reply) {
  auto item = std::make_unique<Item>();
  item->kind = Item::Kind::kAccount;
  item->command.owner = owner;
  item->account_reply = std::move(reply);
  threads_->Submit(std::move(item));
}

}  // namespace capbroker
