#include "services/observability/rpc_metrics.h"

#include <google/protobuf/descriptor.h>

#include <array>
#include <atomic>
#include <limits>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "broker/values/text.h"
#include "services/observability/families.h"
#include "services/sequencing/clock.h"
#include "services/sequencing/tally.h"

namespace capbroker {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::Interceptor;
using grpc::experimental::InterceptorBatchMethods;
using grpc::experimental::ServerRpcInfo;
using prometheus::MetricFamily;

// By number, as grpc-go spells them, which dashboards expect.
constexpr auto kCodes = std::to_array<const char*>(
    {"OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound",
     "AlreadyExists", "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted",
     "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated"});

const char* TypeOf(const google::protobuf::MethodDescriptor& method) {
  if (method.client_streaming()) return method.server_streaming() ? "bidi_stream" : "client_stream";
  return method.server_streaming() ? "server_stream" : "unary";
}

}  // namespace

struct RpcMetrics::Method {
  Labels labels;
  std::atomic<uint64_t> started = 0;
  std::array<std::atomic<uint64_t>, kCodes.size()> handled{};
  std::array<std::atomic<uint64_t>, kLatencyBounds.size() + 1> took{};
  std::atomic<int64_t> took_micros = 0;

  void Start() { started.fetch_add(1, std::memory_order_relaxed); }
  void Handle(size_t code, int64_t micros) {
    handled[code < kCodes.size() ? code : 2].fetch_add(1, std::memory_order_relaxed);
    took[BucketOf(kLatencyBounds, micros)].fetch_add(1, std::memory_order_relaxed);
    took_micros.fetch_add(micros, std::memory_order_relaxed);
  }
};

class RpcMetrics::Table {
 public:
  explicit Table(const std::vector<std::string>& services) {
    Add(unknown_, "unary", "unknown", "unknown");
    for (const std::string& name : services) {
      const auto* service =
          google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
      for (int i = 0; service != nullptr && i < service->method_count(); ++i) {
        const auto& method = *service->method(i);
        Add(methods_[Cat("/", name, "/", method.name())], TypeOf(method), name, method.name());
      }
    }
  }

  Method& Of(std::string_view path) const {
    const auto found = methods_.find(absl::string_view(path.data(), path.size()));
    return found == methods_.end() ? *unknown_ : *found->second;
  }
  const std::vector<Method*>& all() const { return all_; }

 private:
  void Add(std::unique_ptr<Method>& method, const std::string& type, const std::string& service,
           const std::string& name) {
    method = std::make_unique<Method>();
    method->labels = {{"grpc_type", type}, {"grpc_service", service}, {"grpc_method", name}};
    all_.push_back(method.get());
  }

  std::unique_ptr<Method> unknown_;
  absl::flat_hash_map<std::string, std::unique_ptr<Method>> methods_;
  std::vector<Method*> all_;
};

namespace {

// Counts one call.
class Witness final : public Interceptor {
 public:
  explicit Witness(RpcMetrics::Method& method) : method_(method) { method_.Start(); }
  ~Witness() override {
    if (!handled_) Handle(grpc::StatusCode::CANCELLED);
  }

  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      Handle(methods->GetSendStatus().error_code());
    }
    methods->Proceed();
  }

 private:
  void Handle(grpc::StatusCode code) {
    if (std::exchange(handled_, true)) return;
    method_.Handle(static_cast<size_t>(code), BootMicros() - began_);
  }

  RpcMetrics::Method& method_;
  const int64_t began_ = BootMicros();
  bool handled_ = false;
};

}  // namespace

class RpcMetrics::Factory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit Factory(const Table& table) : table_(table) {}
  Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override {
    return new Witness(table_.Of(info->method()));
  }

 private:
  const Table& table_;
};

RpcMetrics::RpcMetrics(const std::vector<std::string>& services)
    : table_(std::make_unique<Table>(services)) {}
RpcMetrics::~RpcMetrics() = default;

const char* RpcMetrics::NameOfCode(size_t code) { return kCodes[code]; }

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> RpcMetrics::MakeWitness() {
  return std::make_unique<Factory>(*table_);
}

std::vector<MetricFamily> RpcMetrics::Collect() const {
  const auto get = [](const auto& atomic) { return atomic.load(std::memory_order_relaxed); };
  MetricFamily started =
      MakeFamily("grpc_server_started_total", "Calls started.", prometheus::MetricType::Counter);
  MetricFamily handled = MakeFamily("grpc_server_handled_total", "Calls ended, by status.",
                                    prometheus::MetricType::Counter);
  MetricFamily took = MakeFamily("grpc_server_handling_seconds",
                                 "From a call's arrival to its status, or a stream's end.",
                                 prometheus::MetricType::Histogram);
  for (const Method* method : table_->all()) {
    AddCounter(started, method->labels, static_cast<double>(get(method->started)));
    for (size_t code = 0; code < kCodes.size(); ++code) {
      const uint64_t count = get(method->handled[code]);
      // OK is present from the start, so that a rate sees the first call.
      if (count == 0 && code != 0) continue;
      Labels labels = method->labels;
      labels.emplace_back("grpc_code", kCodes[code]);
      AddCounter(handled, labels, static_cast<double>(count));
    }
    std::array<uint64_t, kLatencyBounds.size() + 1> counts{};
    for (size_t i = 0; i < counts.size(); ++i) counts[i] = get(method->took[i]);
    if (counts != decltype(counts){}) {
      AddHistogram(took, method->labels, kLatencyBounds, counts, get(method->took_micros), 1e-6);
    }
  }
  return {std::move(started), std::move(handled), std::move(took)};
}

}  // namespace capbroker
