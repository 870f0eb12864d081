// Simulated broker without network, database or system clock: books, the deciding function, and a
// clock that moves when told to. The same commands at the same times give the same acts, to the
// byte.
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

// A command given to the world, and its status.
struct Asked {
  Instant time{};
  Command command{};
  absl::Status answer{};
  size_t acts_before = 0;  // The number of acts before it.
};

class World {
 public:
  explicit World(Instant start) : now_(start) {}

  Instant now() const { return now_; }
  // All acts of all books, in the order in which they were decided.
  const std::vector<Act>& acts() const { return acts_; }
  // All commands given to Do, in order.
  const std::vector<Asked>& asked() const { return asked_; }
  // Null until something was decided for the owner.
  const Book* Find(const OwnerId& owner) const;
  const Directory& directory() const;
  std::vector<const Book*> books() const;

  // Decides the command at now(), then whatever is due. Returns the caller's status; INTERNAL if
  // the core violates an invariant, an act does not survive its text form, or a deadline stays.
  absl::Status Do(const Command& command);
  // Moves the clock to `t`, firing every deadline before it at the first instant after it. Not
  // backwards.
  absl::Status MoveTo(Instant t);
  // An outage in [from, to): nothing fires. At its end clauses with toll_over get the time added
  // (R22), then what is due fires. now() is not after `from`.
  absl::Status BeAway(Instant from, Instant to);

  // The earliest deadline; kLastInstant if there is none.
  Instant NextDeadline() const;
  // Ids of requests in order; all have the time of their creation.
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
