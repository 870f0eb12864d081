// Everything that becomes durable, in order, for whoever keeps count of it.
#pragma once

#include <utility>
#include <vector>

#include "broker/trail/book.h"
#include "broker/values/ids.h"
#include "services/sequencing/feed.h"

namespace capbroker {

// How things stood when the partitions were taken.
struct Standing {
  // That is open, or whose allocation is held.
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

// Called on the sequencer's thread: must not wait, lock or do work there.
class Tap {
 public:
  virtual ~Tap() = default;
  // The partitions are held. What was told of how things stand before is void.
  virtual void Begin(Standing standing) = 0;
  // Of one durable batch or several: one for each act. Those about agreements and the directory
  // name no request.
  virtual void Add(std::vector<Change> changes) = 0;
  // The partitions are not held, or not any more. May come several times.
  virtual void End() = 0;
};

}  // namespace capbroker
