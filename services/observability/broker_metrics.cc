#include "services/observability/broker_metrics.h"

#include <algorithm>
#include <utility>

#include "services/access/pem_files.h"
#include "services/observability/families.h"
#include "services/observability/rpc_metrics.h"

namespace capbroker {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr double kMicro = 1e-6;

template <const auto& kBounds>
MetricFamily HistogramOf(const char* name, const char* help, const Tally<kBounds>& tally,
                         double unit) {
  MetricFamily family = MakeFamily(name, help, MetricType::Histogram);
  AddHistogram(family, {}, kBounds, tally.counts, tally.sum, unit);
  return family;
}

void AddSequencer(std::vector<MetricFamily>& out, const SequencerStatus& s, Instant now) {
  const auto counter = [&](const char* name, const char* help, uint64_t value) {
    out.push_back(MakeCounter(name, help, static_cast<double>(value)));
  };
  const auto gauge = [&](const char* name, const char* help, double value) {
    out.push_back(MakeGauge(name, help, value));
  };
  const bool serving = s.phase == SequencerStatus::Phase::kServing;
  gauge("capbroker_serving", "1 while this process holds the partitions and decides.", serving);
  MetricFamily phase =
      MakeFamily("capbroker_phase", "1 for the present phase of this process.", MetricType::Gauge);
  for (const auto& [name, value] : {std::pair("recovering", SequencerStatus::Phase::kRecovering),
                                    std::pair("standby", SequencerStatus::Phase::kStandby),
                                    std::pair("serving", SequencerStatus::Phase::kServing),
                                    std::pair("stopped", SequencerStatus::Phase::kStopped)}) {
    AddGauge(phase, {{"phase", name}}, s.phase == value);
  }
  out.push_back(std::move(phase));
  gauge("capbroker_queue_depth", "Commands that wait to be decided.",
        static_cast<double>(s.queued));
  gauge("capbroker_unfinished_requests", "Requests that have not ended.",
        static_cast<double>(s.unfinished_requests));
  gauge("capbroker_overdue_deadlines",
        "Deadlines that have passed and not fired, counted up to 10000.",
        static_cast<double>(s.overdue));
  gauge(
      "capbroker_set_aside",
      "Requests and accounts whose deadline cannot be carried out; every one is a broker's fault.",
      static_cast<double>(s.set_aside));
  const Span late = serving && s.earliest_deadline < now ? now - s.earliest_deadline : Span{};
  gauge("capbroker_overdue_seconds",
        "How long ago the earliest deadline that has not fired passed.",
        static_cast<double>(late.micros) * kMicro);
  gauge("capbroker_recovery_downtime_seconds", "Outage measured at the last recovery.",
        static_cast<double>(s.downtime.micros) * kMicro);
  counter("capbroker_commands_total", "Commands answered with a durable batch.", s.commands);
  counter("capbroker_command_repeats_total", "Commands answered from the record of an earlier one.",
          s.repeats);
  counter("capbroker_commands_refused_by_ledger_total",
          "Commands that the database refused in a batch of their own.", s.refused_commands);
  counter("capbroker_deadlines_fired_total", "Deadlines fired.", s.deadlines);
  counter("capbroker_requests_read_total", "Finished requests read again for a late command.",
          s.requests_read);
  counter("capbroker_fencing_losses_total", "Times another replica took the partitions.", s.fenced);
  out.push_back(HistogramOf("capbroker_sequencer_lag_seconds",
                            "From a command's arrival to its decision.", s.waited, kMicro));
  out.push_back(HistogramOf("capbroker_batch_commit_seconds",
                            "Time of durable batches in the database.", s.commits, kMicro));
  out.push_back(HistogramOf("capbroker_batch_acts", "Acts in a durable batch.", s.batch_sizes, 1));
  MetricFamily failed = MakeFamily("capbroker_failed_batches_total",
                                   "Batches that failed at first.", MetricType::Counter);
  AddCounter(failed, {{"reason", "duplicate_key"}}, static_cast<double>(s.duplicate_batches));
  AddCounter(failed, {{"reason", "refused"}}, static_cast<double>(s.refused_batches));
  AddCounter(failed, {{"reason", "unknown"}}, static_cast<double>(s.unknown_batches));
  out.push_back(std::move(failed));
}

void AddDelivery(std::vector<MetricFamily>& out, const DeliveryCounts& counts) {
  MetricFamily attempts =
      MakeFamily("capbroker_delivery_attempts_total",
                 "Calls to providers about open offers, by outcome.", MetricType::Counter);
  for (const auto& [of, count] : counts.attempts) {
    AddCounter(attempts, {{"outcome", of.second}, {"provider", of.first}},
               static_cast<double>(count));
  }
  MetricFamily took = MakeFamily("capbroker_delivery_attempt_seconds",
                                 "From a call to a provider to its status.", MetricType::Histogram);
  for (const auto& [provider, tally] : counts.took) {
    AddHistogram(took, {{"provider", provider}}, kLatencyBounds, tally.counts, tally.sum, kMicro);
  }
  MetricFamily in_flight = MakeFamily("capbroker_delivery_in_flight",
                                      "Calls to providers in flight.", MetricType::Gauge);
  MetricFamily open = MakeFamily("capbroker_delivery_open_offers",
                                 "Open offers of providers with an endpoint.", MetricType::Gauge);
  MetricFamily breaker = MakeFamily("capbroker_delivery_breaker_state",
                                    "Circuit breaker of a provider: 0 closed, 1 half open, 2 open.",
                                    MetricType::Gauge);
  for (const Courier::Standing& standing : counts.standings) {
    const Labels labels = {{"provider", standing.provider.value}};
    AddGauge(in_flight, labels, static_cast<double>(standing.in_flight));
    AddGauge(open, labels, static_cast<double>(standing.open));
    AddGauge(breaker, labels, static_cast<double>(standing.breaker));
  }
  for (MetricFamily* family : {&attempts, &took, &in_flight, &open, &breaker})
    out.push_back(std::move(*family));
}

void AddSessions(std::vector<MetricFamily>& out, const SessionCounts& counts) {
  out.push_back(MakeGauge("capbroker_sessions_open", "Open sessions of owners and providers.",
                          static_cast<double>(counts.open())));
  MetricFamily commands = MakeFamily(
      "capbroker_session_commands_total",
      "Commands in sessions that were decided or refused, by outcome.", MetricType::Counter);
  for (size_t method = 0; method < kMethods; ++method) {
    for (size_t code = 0; code < SessionCounts::kCodes; ++code) {
      const uint64_t count = counts.commands(static_cast<Method>(method), code);
      if (count == 0) continue;
      AddCounter(commands,
                 {{"method", std::string(PermissionOf(static_cast<Method>(method)).name)},
                  {"code", RpcMetrics::NameOfCode(code)}},
                 static_cast<double>(count));
    }
  }
  if (!commands.metric.empty()) out.push_back(std::move(commands));
}

void AddConnections(std::vector<MetricFamily>& out, const EdgeCounts& counts) {
  MetricFamily open = MakeFamily("capbroker_connections",
                                 "Connections to the API, by whether a call was let in on them.",
                                 MetricType::Gauge);
  const auto strangers = static_cast<double>(counts.strangers);
  AddGauge(open, {{"of", "party"}}, static_cast<double>(counts.connections) - strangers);
  AddGauge(open, {{"of", "stranger"}}, strangers);
  out.push_back(std::move(open));
  out.push_back(MakeGauge("capbroker_strangers_bytes",
                          "What strangers are charged for, of what they may take together.",
                          static_cast<double>(counts.strangers_bytes)));
  MetricFamily closed = MakeFamily("capbroker_connections_closed_total",
                                   "Connections that were refused, or closed before their time.",
                                   MetricType::Counter);
  for (size_t i = 0; i < kShedNames.size(); ++i) {
    AddCounter(closed, {{"reason", std::string(kShedNames[i])}},
               static_cast<double>(counts.shed(static_cast<Shed>(i))));
  }
  out.push_back(std::move(closed));
}

}  // namespace

std::vector<MetricFamily> BrokerMetrics::Collect() const {
  std::vector<MetricFamily> out;
  MetricFamily build = MakeFamily("capbroker_build_info", "1, for the version.", MetricType::Gauge);
  AddGauge(build, {{"version", version_}}, 1);
  out.push_back(std::move(build));
  AddSequencer(out, sources_.sequencer(), sources_.now());

  const PostgresLedger::Readers readers = sources_.readers();
  MetricFamily sessions = MakeFamily("capbroker_database_sessions",
                                     "Open database sessions for reads.", MetricType::Gauge);
  AddGauge(sessions, {{"state", "busy"}}, readers.busy);
  AddGauge(sessions, {{"state", "idle"}}, readers.idle);
  out.push_back(std::move(sessions));
  out.push_back(MakeGauge("capbroker_database_sessions_max",
                          "Largest number of database sessions for reads.", readers.most));
  out.push_back(MakeGauge("capbroker_database_reads_waiting", "Reads that wait for a session.",
                          static_cast<double>(readers.waiting + sources_.reads_waiting())));

  out.push_back(
      MakeGauge("capbroker_database_unsafe",
                "1 if fsync, full_page_writes or synchronous_commit was off at the start.",
                sources_.database_is_unsafe));

  const Feed::Counts feed = sources_.feed();
  MetricFamily watchers =
      MakeFamily("capbroker_watchers", "Watchers, by what they watch.", MetricType::Gauge);
  AddGauge(watchers, {{"of", "owner"}}, static_cast<double>(feed.owners));
  AddGauge(watchers, {{"of", "provider"}}, static_cast<double>(feed.providers));
  out.push_back(std::move(watchers));
  out.push_back(MakeCounter("capbroker_watchers_dropped_total",
                            "Watchers ended because they read too slowly.",
                            static_cast<double>(feed.slow)));
  out.push_back(
      MakeCounter("capbroker_changes_uncounted_total",
                  "Durable acts missing from these metrics, because counting could not keep up.",
                  static_cast<double>(sources_.changes_dropped())));
  if (!sources_.certificate_file.empty()) {
    out.push_back(MakeGauge(
        "capbroker_server_certificate_expiry_timestamp_seconds",
        "When the server's certificate expires, in seconds since 1970; 0 if it cannot be read.",
        static_cast<double>(ExpiryOf(sources_.certificate_file).micros) * kMicro));
  }
  AddDelivery(out, sources_.delivery());
  if (sources_.sessions != nullptr) AddSessions(out, *sources_.sessions);
  if (sources_.connections != nullptr) AddConnections(out, *sources_.connections);
  return out;
}

}  // namespace capbroker
