// What every service of the API works with.
#pragma once

#include "services/access/principal.h"
#include "services/edge/peer.h"
#include "services/rpc/pool.h"
#include "services/rpc/registry.h"
#include "services/rpc/session_counts.h"
#include "services/sequencing/clock.h"
#include "services/sequencing/feed.h"
#include "services/sequencing/sequencer.h"
#include "storage/ledger.h"

namespace capbroker {

// All outlive the services.
struct Backend {
  Ledger& ledger;
  Sequencer& sequencer;
  Feed& feed;
  Clock& clock;
  Principals& principals;
  Registry& registry;
  Pool& reads;  // What waits for the ledger.
  Pool& news;   // What watchers are told: waits for nothing.
  SessionCounts& sessions;
  const PeerTable& peers;      // Who is at the other end of a call's connection.
  size_t watch_bound = 4'096;  // Changes that may wait for one watcher.
};

}  // namespace capbroker
