// Observer of committed acts. Called on the sequencer's thread, in commit order, after the batch is
// durable.
#pragma once

#include <utility>
#include <vector>

#include "broker/trail/book.h"
#include "broker/values/ids.h"
#include "services/sequencing/feed.h"

namespace capbroker {

// The state when the partitions were taken.
struct Standing {
  // An offer that is open, or whose allocation is held.
  struct LiveOffer {
    RequestId request{};
    uint32_t number = 0;
    OfferKind kind = OfferKind::kNone;
    ProviderId provider{};
    bool open = false, held = false;
  };
  std::vector<std::pair<OwnerId, Account>> accounts{};
  std::vector<LiveOffer> offers{};
  Directory directory{};
};

// Its methods must not block, lock or do work: they run on the sequencer's thread.
class Tap {
 public:
  virtual ~Tap() = default;
  // The partitions are held. Replaces whatever was reported before.
  virtual void Begin(Standing standing) = 0;
  // The changes of one or more durable batches, one for each act. Acts about agreements and the
  // directory name no request.
  virtual void Add(std::vector<Change> changes) = 0;
  // The partitions are not held, or not any more. May be called repeatedly.
  virtual void End() = 0;
};

}  // namespace capbroker
