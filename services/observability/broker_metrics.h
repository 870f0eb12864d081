// How the broker's own machinery runs: the sequencer, its batches, the database's sessions, the
// watchers.
#pragma once

#include <prometheus/collectable.h>

#include <cstdint>
#include <functional>
#include <string>

#include "services/delivery/delivery.h"
#include "services/rpc/session_counts.h"
#include "services/sequencing/feed.h"
#include "services/sequencing/sequencer.h"
#include "storage/postgres_ledger.h"

namespace capbroker {

// Where the figures come from; asked at every scrape, from any thread.
struct Sources {
  std::function<SequencerStatus()> sequencer;
  std::function<Instant()> now;
  std::function<PostgresLedger::Readers()> readers;
  std::function<size_t()> reads_waiting;  // That have no thread yet.
  std::function<Feed::Counts()> feed;
  std::function<uint64_t()> changes_dropped;
  std::function<DeliveryCounts()> delivery;
  const SessionCounts* sessions = nullptr;  // Null: there can be none.
  std::string certificate_file{};           // The server's, PEM; empty: it has none.
};

class BrokerMetrics final : public prometheus::Collectable {
 public:
  BrokerMetrics(std::string version, Sources sources)
      : version_(std::move(version)), sources_(std::move(sources)) {}
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const std::string version_;
  const Sources sources_;
};

}  // namespace capbroker
