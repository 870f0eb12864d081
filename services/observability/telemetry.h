// Telemetry of a running broker: all metrics, and the admin port that serves them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/admin/admin_server.h"
#include "services/observability/broker_metrics.h"
#include "services/observability/metrics_observer.h"
#include "services/observability/process_metrics.h"
#include "services/observability/readiness.h"
#include "services/observability/rpc_metrics.h"

namespace capbroker {

class Telemetry {
 public:
  // `services` are the full names of the services offered.
  explicit Telemetry(const std::vector<std::string>& services);

  // For SequencerOptions and ServerOptions; the telemetry outlives both.
  Tap* tap() { return &observer_; }
  std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeWitness() {
    return rpc_.MakeWitness();
  }

  // Serves /metrics, /livez, /readyz, /version and /loglevel, under addresses, names without a dot
  // and `hosts` (trusted_host.h), and `pages`. Once; errors are AdminServer's. What `sources`,
  // `readiness` and `pages` use outlives Stop.
  absl::Status Listen(const std::string& address, const std::string& version, Sources sources,
                      Readiness& readiness, std::vector<AdminPage> pages = {},
                      std::vector<std::string> hosts = {});
  void Stop() { server_ = nullptr; }
  // Empty while it is not listening.
  std::string address() const { return server_ == nullptr ? "" : server_->address(); }
  uint64_t changes_dropped() const { return observer_.dropped(); }

  // The text of /metrics, including everything durable by now.
  std::string Exposition();

 private:
  prometheus::Registry registry_;
  DomainMetrics domain_{registry_};
  MetricsObserver observer_{domain_};
  RpcMetrics rpc_;
  ProcessMetrics process_;
  std::unique_ptr<BrokerMetrics> broker_;
  std::unique_ptr<AdminServer> server_;  // Last, so that it is destroyed first.
};

}  // namespace capbroker
