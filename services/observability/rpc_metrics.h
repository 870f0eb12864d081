// Metrics of calls (rate, errors, duration), under the names that gRPC dashboards use.
#pragma once

#include <grpcpp/support/server_interceptor.h>
#include <prometheus/collectable.h>

#include <memory>
#include <string>
#include <vector>

namespace capbroker {

// grpc_server_started_total, grpc_server_handled_total (with grpc_code) and
// grpc_server_handling_seconds, each by grpc_type, grpc_service and grpc_method. Counting is
// lock-free: a call may end on the sequencer's thread.
class RpcMetrics final : public prometheus::Collectable {
 public:
  // Full names of services in the program's descriptors; calls of others count as "unknown".
  explicit RpcMetrics(const std::vector<std::string>& services);
  ~RpcMetrics() override;

  // For a server; the metrics outlive it.
  std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeWitness();

  std::vector<prometheus::MetricFamily> Collect() const override;

  // The status code as grpc-go spells it, which dashboards expect.
  static const char* NameOfCode(size_t code);

  struct Method;

 private:
  class Factory;
  class Table;
  const std::unique_ptr<Table> table_;
};

}  // namespace capbroker
