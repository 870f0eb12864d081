// A broker without a network, a database or a machine's clock: books, the deciding function, and a
// time that moves when it is told to. The same commands at the same times give the same acts, to
// the byte.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "broker/deciding/command.h"
#include "broker/trail/book.h"
#include "broker/trail/decision.h"

namespace capbroker {

// What somebody asked of the world, and what was answered.
struct Asked {
  Instant time{};
  Command command{};
  absl::Status answer{};
  size_t acts_before = 0;  // How many acts there were by then.
};

class World {
 public:
  explicit World(Instant start) : now_(start) {}

  Instant now() const { return now_; }
  // Every act of every book, in the order they were decided.
  const std::vector<Act>& acts() const { return acts_; }
  // Every command that Do was given, in order.
  const std::vector<Asked>& asked() const { return asked_; }
  // Null before anything was decided for it.
  const Book* Find(const OwnerId& owner) const;
  const Directory& directory() const;
  std::vector<const Book*> books() const;

  // Decides at now(), then what has become due by it; the caller's answer. INTERNAL where the core
  // broke its own word: an invariant, the text form of an act, a deadline that stays.
  absl::Status Do(const Command& command);
  // Fires every deadline before `t`, each at the first instant after it, then stands at `t`. Not
  // back.
  absl::Status MoveTo(Instant t);
  // The broker is away in [from, to): nothing fires; on return the outage is added back where a
  // clause says so (R22), then what is due fires. now() is not after `from`.
  absl::Status BeAway(Instant from, Instant to);

  // The earliest deadline of all; kLastInstant if there is none.
  Instant NextDeadline() const;
  // The ids of requests, in order: all of them tell of the time they were made at.
  RequestId NewRequestId();

 private:
  absl::Status Decide(const Command& command);
  absl::Status FireDue();

  Instant now_;
  std::map<OwnerId, std::unique_ptr<Book>> books_;
  std::vector<Act> acts_;
  std::vector<Asked> asked_;
  uint64_t ids_ = 0;
};

}  // namespace capbroker
