// Metrics of the broker's machinery: sequencer, batches, database sessions, watchers, delivery.
#pragma once

#include <prometheus/collectable.h>

#include <cstdint>
#include <functional>
#include <string>

#include "services/delivery/delivery.h"
#include "services/edge/shed.h"
#include "services/rpc/session_counts.h"
#include "services/sequencing/feed.h"
#include "services/sequencing/sequencer.h"
#include "storage/postgres_ledger.h"

namespace capbroker {

// Sources of the figures; called at every scrape, from any thread.
struct Sources {
  std::function<SequencerStatus()> sequencer;
  std::function<Instant()> now;
  std::function<PostgresLedger::Readers()> readers;
  std::function<size_t()> reads_waiting;  // Reads that wait for a thread.
  std::function<Feed::Counts()> feed;
  std::function<uint64_t()> changes_dropped;
  std::function<DeliveryCounts()> delivery;
  const SessionCounts* sessions = nullptr;  // Null: sessions are not served.
  const EdgeCounts* connections = nullptr;  // Null: there is no listener.
  bool database_is_unsafe = false;          // It may lose what it has acknowledged.
  std::string certificate_file{};           // The server's certificate, PEM; empty: none.
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
