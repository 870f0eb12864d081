// grpc.health.v1: SERVING only while the broker decides. The service that gRPC brings along is
// invisible to reflection and breaks its listing.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "services/edge/quota.h"

namespace capbroker {

// Anybody may watch, and a watch is held for as long as its caller likes: of one connection, and in
// all.
inline constexpr size_t kMostHealthWatchesOfConnection = 8, kMostHealthWatches = 1'000;

class HealthService final : public grpc::health::v1::Health::CallbackService {
 public:
  // Full names, such as "capbroker.v1.OfferService"; "", the server as a whole, is always among
  // them.
  explicit HealthService(std::vector<std::string> services);
  ~HealthService() override;

  // Tells every watcher, if it is news.
  void Set(bool serving) ABSL_LOCKS_EXCLUDED(mutex_);
  // The server goes down: NOT_SERVING from here on, and watches end, also those that begin later.
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  class Watcher;
  class Refused;

  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context,
                                  const grpc::health::v1::HealthCheckRequest* in,
                                  grpc::health::v1::HealthCheckResponse* out) override;
  grpc::ServerWriteReactor<grpc::health::v1::HealthCheckResponse>* Watch(
      grpc::CallbackServerContext* context,
      const grpc::health::v1::HealthCheckRequest* in) override;
  bool IsKnown(const std::string& service) const;

  const std::vector<std::string> services_;
  absl::Mutex mutex_;
  bool serving_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  Quota watches_{kMostHealthWatches, kMostHealthWatchesOfConnection};
  std::vector<std::weak_ptr<Watcher>> watchers_ ABSL_GUARDED_BY(mutex_);  // And some that are gone.
};

}  // namespace capbroker
