// The lifecycles of a run: starts them, plays the providers in them, checks every one, and records
// the times. It runs on one thread and knows nothing of gRPC.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/latency.h"
#include "tests/bench/messages.h"
#include "tests/bench/plan.h"

namespace capbroker::bench {

// How commands reach the broker.
class Transport {
 public:
  virtual ~Transport() = default;
  // Ends in Lifecycles::Created with this lifecycle.
  virtual void Create(uint32_t owner, uint32_t lifecycle) = 0;
  // Ends in Lifecycles::Answered with this answer.
  virtual void Answer(uint32_t answer, int desk, const Move& move, std::string_view offer,
                      std::string_view terms_hash) = 0;
  virtual void Flush() = 0;          // Nothing more is ready to be sent now.
  virtual bool IsReady() const = 0;  // Every stream has received its snapshot.
  virtual void Stop() = 0;           // Ends every stream and call; their events still come,
  virtual bool IsStopped()
      const = 0;  // and once every stream has ended none of them starts anything.
  virtual uint64_t messages() const = 0;  // Messages sent, of the kind that may hold many commands.
  virtual uint64_t commands() const = 0;  // Commands in them.
};

class Lifecycles {
 public:
  explicit Lifecycles(const Plan& plan) : plan_(plan) {}
  void Use(Transport& transport) { transport_ = &transport; }

  // Starts at `now`. What ends from `begin` to `end` counts, and nothing starts after `end`.
  void Start(int64_t now, int64_t begin, int64_t end);
  // When Advance has something to do next.
  int64_t NextDue() const {
    const int64_t start = active_ < kMostUnderWay ? next_start_ : INT64_MAX;
    return retries_.empty() ? start : std::min(start, retries_.top().first);
  }
  void Advance(int64_t now);  // Starts what is due, and repeats refused answers.
  bool IsDrained() const { return active_ == 0 && answers_out_ == 0; }

  // Called by the transport. `asked` is when the command left.
  void Created(uint32_t lifecycle, const Ending& ending, std::string_view name, int64_t now);
  void Told(std::string_view request, int64_t now);
  void Offered(int desk, std::string_view offer, int64_t now);
  void Answered(uint32_t answer, const Ending& ending, uint64_t state, int64_t accepted,
                int64_t now);
  void Fail(std::string why);

  uint64_t progress() const { return progress_; }  // Grows while anything happens.
  const std::vector<std::string>& errors() const { return errors_; }
  // Reports what is missing once nothing more will come, as errors.
  void CheckComplete();

  // Counts from begin to end.
  uint64_t finished() const { return finished_; }
  uint64_t started() const { return started_; }
  uint64_t finished_in_all() const { return finished_in_all_; }
  const Latencies& award() const { return award_; }
  const Latencies& create() const { return create_; }
  const Latencies& accept() const { return accept_; }
  const Latencies& decline() const { return decline_; }
  const Latencies& refusal() const { return refusal_; }  // From a create to its refusal.
  uint64_t unstarted() const { return unstarted_; }      // Planned, and not started by the end.
  // Refused creates, and refused answers, which were repeated.
  uint64_t refused() const { return refused_; }
  uint64_t answers_refused() const { return answers_refused_; }
  // Refusals of both kinds without RetryInfo.
  uint64_t bare_refusals() const { return bare_refusals_; }
  const Latencies& lapse() const {
    return lapse_;
  }  // From a deadline until its holder is told that it lapsed.

 private:
  // Limit of calls in flight in an open loop. Beyond it, starts wait and their time counts from
  // when they were planned: more calls in flight than the broker's queue has room for would only
  // fill this process's memory.
  static constexpr uint64_t kMostUnderWay = 40'000;

  struct Lifecycle {
    int64_t planned = 0, asked = 0;
    bool active = false;
  };
  // An answer of a provider, until its reply.
  struct Answer {
    int desk = 0;
    Move move{};
    int64_t asked = 0;
    std::string offer{}, terms_hash{};  // In overload, to repeat it.
  };
  bool IsRefusal(const Ending& ending);
  void Ask(uint32_t answer, std::string_view offer, std::string_view terms_hash, int64_t now);
  void StartOne(uint32_t lifecycle, int64_t planned, int64_t now);
  void Retire(uint32_t lifecycle);
  void Check(const ToldRequest& told);
  void Finish(uint32_t lifecycle, int64_t told_at, int64_t now);
  bool Counts(int64_t now) const { return now >= begin_ && now < end_; }
  bool StartsMore(int64_t now) const {
    return now < end_ && errors_.empty() && (plan_.count == 0 || started_ < plan_.count);
  }

  const Plan plan_;
  Transport* transport_ = nullptr;
  int64_t begin_ = 0, end_ = 0, first_start_ = 0, next_start_ = INT64_MAX;
  double gap_ = 0;  // Nanoseconds between planned starts.
  std::vector<Lifecycle> lifecycles_;
  std::vector<Answer> answers_;
  std::vector<uint32_t> free_, free_answers_;
  using Retry = std::pair<int64_t, uint32_t>;  // When to repeat which answer.
  std::priority_queue<Retry, std::vector<Retry>, std::greater<>> retries_;
  absl::flat_hash_map<RequestKey, uint32_t> by_request_;
  absl::flat_hash_map<RequestKey, int64_t>
      early_;  // Lifecycles that ended before the reply to their creation was seen, with the time.
  uint64_t active_ = 0, answers_out_ = 0, progress_ = 0, turn_ = 0;
  uint64_t started_ = 0, finished_ = 0, finished_in_all_ = 0;
  uint64_t offers_[kDesks] = {}, lapses_ = 0;
  std::vector<std::string> errors_;
  uint64_t unstarted_ = 0, refused_ = 0, answers_refused_ = 0, bare_refusals_ = 0,
           creates_refused_in_all_ = 0;
  Latencies award_, create_, accept_, decline_, lapse_, refusal_;
};

}  // namespace capbroker::bench
