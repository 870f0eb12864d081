// The order of things: one sequencer takes the commands of its partitions in arrival order, decides
// each on top of the last, hands whole batches to the ledger, and answers when they are durable.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "broker/deciding/command.h"
#include "broker/trail/book.h"
#include "services/sequencing/clock.h"
#include "services/sequencing/feed.h"
#include "services/sequencing/tally.h"
#include "services/sequencing/tap.h"
#include "storage/ledger.h"

namespace capbroker {

// A command, and the key under which its caller may repeat it (R27).
struct Submission {
  Command command;
  std::optional<Repeat> repeat;
  uint64_t origin =
      0;  // Its changes carry it, so that who sent the command knows them; 0: nobody cares.
};

// What a command came to, once durable. Of a repeat: what it came to the first time.
struct Outcome {
  uint64_t sequence = 0;  // Of the act; 0 if nothing was decided (nothing had to change).
  std::shared_ptr<const Act>
      act;  // If it is about no request: those are told by the request. Else null.
  std::shared_ptr<const RequestBook>
      request;  // As that act left it; null if the command is about no request.
};

// Runs once, on a thread of the sequencer, after the outcome is durable; must not block. A command
// that is not even queued (not serving, queue full) is answered before Submit returns.
using Reply = absl::AnyInvocable<void(absl::StatusOr<Outcome>)>;

// Who has many commands under way, and is told of them by number. Both are called on the
// sequencer's thread and must not block.
class Recipient {
 public:
  virtual ~Recipient() = default;
  // As Reply, of the command that was submitted with this tag; before the feed has the changes of
  // the batch. True: wants Flush.
  virtual bool Take(uint64_t tag, absl::StatusOr<Outcome> outcome) = 0;
  // Everything that the batch brought was given, and the feed has its changes.
  virtual void Flush() = 0;
};

// An owner's agreements and balances; null if it has no trail. UNAVAILABLE as of Submit.
using AccountReply = absl::AnyInvocable<void(absl::StatusOr<std::shared_ptr<const Account>>)>;

struct SequencerOptions {
  std::string
      holder;  // This replica's name: the same after a restart, so that it takes over at once.
  std::string address;       // Where others find it; shown, not used.
  Span lease = Seconds(10);  // Another holder is left alone until its heartbeat is so old.
  // Commands that wait to be decided: no more than this, nor than the ledger takes in that time,
  // going by its last batches; half of it of new requests. Past it Submit refuses with
  // RESOURCE_EXHAUSTED.
  size_t queue_bound = 20'000;
  Span patience = Seconds(1);
  size_t batch_bound = 2'000;  // Commands in one transaction.
  // R22: an outage longer than this is added back to windows that no clause governs; zero: never.
  Span toll_over = Seconds(300);
  size_t least_behind =
      8;  // Acts of one that goes behind another: it would have more if it waited.
  size_t finished_kept = 4'096;  // Finished requests kept at hand for late answers.
  size_t awake_kept = 16'384;    // Unfinished requests kept as they are; others are packed.
  size_t keys_kept = 16'384;     // Recorded idempotency keys known without asking the ledger,
  size_t answers_kept = 4'096;   //   and those whose answer is at hand too.
  Tap* tap = nullptr;            // Told of everything durable; outlives the sequencer.
};

// How the sequencer stands; for health, readiness and metrics.
struct SequencerStatus {
  enum class Phase { kRecovering, kStandby, kServing, kStopped };
  Phase phase = Phase::kRecovering;
  std::string detail;  // Why it is not serving, in words.
  size_t queued = 0;   // Commands not decided yet.
  size_t unfinished_requests = 0;
  Instant earliest_deadline;  // Of all; overdue if before Now. kLastInstant if there is none.
  size_t overdue = 0;  // Deadlines due and not fired, counted up to 10,000; those set aside not.
  // R31. Requests, and accounts, whose deadline cannot be carried out, and which and why the first.
  // They are tried again every second.
  size_t set_aside = 0;
  std::string first_set_aside;
  // "openai/azure/2: Europe/Berlin": calendars of recorded versions whose time zone this machine
  // does not know, so that all of their time counts. As found when the partitions were taken.
  std::vector<std::string> unknown_zones;
  Span downtime;  // Measured at the last recovery, over all partitions the longest.

  int64_t stepped_micros =
      0;  // Boot time at which the sequencer's thread last went round; 0: not started.

  // Since the process started; each only grows.
  uint64_t batches = 0, commands = 0,
           acts = 0;               // Durable; commands are those answered with a batch.
  uint64_t committing_micros = 0;  // Sum of the time that durable batches took in the ledger.
  uint64_t deadlines = 0;          // Fired.
  uint64_t repeats = 0;            // Answered from the record of an earlier command.
  uint64_t duplicate_batches = 0, refused_batches = 0, unknown_batches = 0,
           fenced = 0;              // Batches that failed, and why.
  uint64_t refused_commands = 0;    // That the ledger refused alone.
  Tally<kLatencyBounds> waited;     // Microseconds from a command's arrival to its turn,
  Tally<kLatencyBounds> commits;    //   of a durable batch in the ledger,
  Tally<kCountBounds> batch_sizes;  //   and its acts.
  uint64_t requests_read = 0;       // Finished requests that were put back into their books.
};

class Sequencer {
 public:
  // `ledger`, `feed` and `clock` outlive the sequencer.
  Sequencer(Ledger& ledger, Feed& feed, Clock& clock, SequencerOptions options);
  ~Sequencer();  // Stop(now).

  // Starts the threads: takes every partition, recovers, serves; by itself again after the database
  // was gone or the partitions lost.
  void Start(uint32_t partitions);
  // Blocks until serving or `timeout`; OK if serving, else UNAVAILABLE saying what it waits for.
  absl::Status WaitUntilServing(Span timeout);

  // From any thread. The command gets its arrival time here. `reply` runs exactly once:
  // what Decide refuses           nothing was decided, or only the refusal recorded.
  // ALREADY_EXISTS                the key came before with another payload (reason
  // IDEMPOTENCY_CONFLICT). UNAVAILABLE                   the ledger cannot be reached (reason
  // LEDGER_UNAVAILABLE), another replica holds the
  //                               partition (NOT_SERVING_OWNER), or Drain was called
  //                               (SHUTTING_DOWN). It may have been recorded all the same: retry
  //                               with the same key.
  // RESOURCE_EXHAUSTED            too much waits (reason OVERLOADED); retry later.
  // INTERNAL                      the database refused this very command (reason BROKER_FAULT); its
  // neighbours are not
  //                               affected.
  void Submit(Submission submission, Reply reply);

  // Several at once, in this order, each with the tag it is answered under. Of those that are not
  // queued, which are the last ones, the tags stay in `commands`: they are not answered, and the
  // status says why, as of Submit.
  struct Tagged {
    Submission submission;
    uint64_t tag;
  };
  absl::Status SubmitAll(std::vector<Tagged>& commands,
                         const std::shared_ptr<Recipient>& recipient);

  // No more commands are taken (UNAVAILABLE); those taken are answered; partitions are released.
  void Drain();

  std::shared_ptr<const Directory> directory()
      const;  // The registered providers, as of the last durable batch.
  // As of the last act decided, once that is durable. Takes its turn among the commands.
  void ReadAccount(const OwnerId& owner, AccountReply reply);
  SequencerStatus status() const;

 private:
  class Threads;
  std::unique_ptr<Threads> threads_;
};

}  // namespace capbroker
