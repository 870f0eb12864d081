// The lifecycles of a run: starts them, plays the desks' part in them, checks every one of them, and keeps the times.
// One thread; it knows nothing of gRPC.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/latency.h"
#include "tests/bench/messages.h"
#include "tests/bench/plan.h"

namespace capbroker::bench {

// How commands leave.
class Transport {
 public:
  virtual ~Transport() = default;
  // Ends in Lifecycles::Created, with this lifecycle.
  virtual void Create(uint32_t owner, uint32_t lifecycle) = 0;
  // Ends in Lifecycles::Answered.
  virtual void Answer(int desk, const Move& move, const ToldOffer& offer) = 0;
  virtual void Flush() = 0;               // Nothing more is ready to leave just now.
  virtual bool IsReady() const = 0;       // Every stream has told its present state.
  virtual void Stop() = 0;                // Every stream and call ends; their events still come,
  virtual bool IsStopped() const = 0;     // and once every stream has ended none starts anything any more.
  virtual uint64_t messages() const = 0;  // Sent, of what may hold many commands.
  virtual uint64_t commands() const = 0;  // In them.
};

class Lifecycles {
 public:
  explicit Lifecycles(const Plan& plan) : plan_(plan) {}
  void Use(Transport& transport) { transport_ = &transport; }

  // Starts at `now`; what ends from `begin` to `end` counts, and nothing starts after `end`.
  void Start(int64_t now, int64_t begin, int64_t end);
  // When Advance has something to do; of a closed loop never.
  int64_t NextStart() const { return next_start_; }
  void Advance(int64_t now);  // The starts that are due.
  bool IsDrained() const { return active_ == 0 && answers_out_ == 0; }

  // From the transport. `asked` is when the command left.
  void Created(uint32_t lifecycle, const Ending& ending, std::string_view name, int64_t now);
  void Told(std::string_view request, int64_t now);
  void Offered(int desk, std::string_view offer);
  void Answered(int desk, const Move& move, int64_t asked, const Ending& ending, uint64_t state,
                int64_t accepted, int64_t now);
  void Fail(std::string why);

  uint64_t progress() const { return progress_; }  // Grows while something happens.
  const std::vector<std::string>& errors() const { return errors_; }
  // What is missing once nothing more will come; adds errors.
  void CheckComplete();

  // Counted from begin to end.
  uint64_t finished() const { return finished_; }
  uint64_t started() const { return started_; }
  uint64_t finished_in_all() const { return finished_in_all_; }
  const Latencies& award() const { return award_; }
  const Latencies& create() const { return create_; }
  const Latencies& accept() const { return accept_; }
  const Latencies& decline() const { return decline_; }
  const Latencies& lapse() const {
    return lapse_;
  }  // From a deadline until its holder is told that it lapsed.

 private:
  struct Lifecycle {
    int64_t planned = 0, asked = 0;
    bool active = false;
  };
  void StartOne(uint32_t lifecycle, int64_t planned, int64_t now);
  void Check(const ToldRequest& told);
  void Finish(uint32_t lifecycle, int64_t told_at, int64_t now);
  bool Counts(int64_t now) const { return now >= begin_ && now < end_; }

  const Plan plan_;
  Transport* transport_ = nullptr;
  int64_t begin_ = 0, end_ = 0, first_start_ = 0, next_start_ = INT64_MAX;
  double gap_ = 0;  // Between planned starts, nanoseconds.
  std::vector<Lifecycle> lifecycles_;
  std::vector<uint32_t> free_;
  absl::flat_hash_map<RequestKey, uint32_t> by_request_;
  absl::flat_hash_map<RequestKey, int64_t>
      early_;  // Ended before the reply to their creation was seen; when.
  uint64_t active_ = 0, answers_out_ = 0, progress_ = 0, turn_ = 0;
  uint64_t started_ = 0, finished_ = 0, finished_in_all_ = 0;
  uint64_t offers_[kDesks] = {}, lapses_ = 0;
  std::vector<std::string> errors_;
  Latencies award_, create_, accept_, decline_, lapse_;
};

}  // namespace capbroker::bench
