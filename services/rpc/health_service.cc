#include "services/rpc/health_service.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace capbroker {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using ServingStatus = HealthCheckResponse::ServingStatus;

// Sends what it was told last, one message at a time.
class HealthService::Watcher final : public grpc::ServerWriteReactor<HealthCheckResponse>,
                                     public std::enable_shared_from_this<Watcher> {
 public:
  static std::shared_ptr<Watcher> Make(bool known, Quota::Place place) {
    auto watcher = std::make_shared<Watcher>(known, std::move(place));
    watcher->self_ = watcher;
    return watcher;
  }
  Watcher(bool known, Quota::Place place) : known_(known), place_(std::move(place)) {}

  void Tell(ServingStatus status) {
    {
      absl::MutexLock lock(&mutex_);
      next_ = known_ ? status : HealthCheckResponse::SERVICE_UNKNOWN;
    }
    GoOn();
  }
  void Close() {
    {
      absl::MutexLock lock(&mutex_);
      closing_ = true;
    }
    GoOn();
  }

 private:
  // Writes, or finishes, if something is to be said and nothing is being said.
  void GoOn() ABSL_LOCKS_EXCLUDED(mutex_) {
    bool write = false, cancelled = false;
    {
      absl::MutexLock lock(&mutex_);
      if (busy_) return;
      write = next_ != said_ && !cancelled_;
      cancelled = cancelled_;
      if (!write && !closing_ && !cancelled_) return;
      busy_ = true;  // For good, if this is the end.
      said_ = next_;
      message_.set_status(*next_);
    }
    if (write) {
      StartWrite(&message_);  // Not under the lock: OnWriteDone may run at once.
    } else {
      Finish(cancelled ? grpc::Status::CANCELLED
                       : grpc::Status(grpc::StatusCode::UNAVAILABLE, "going down"));
    }
  }
  void OnWriteDone(bool ok) override {
    {
      absl::MutexLock lock(&mutex_);
      busy_ = false;
      cancelled_ = cancelled_ || !ok;
    }
    GoOn();
  }
  void OnCancel() override {
    {
      absl::MutexLock lock(&mutex_);
      cancelled_ = true;
    }
    GoOn();
  }
  void OnDone() override { const std::shared_ptr<Watcher> last = std::move(self_); }

  const bool known_;
  const Quota::Place place_;
  std::shared_ptr<Watcher> self_;  // gRPC's hold on it.
  absl::Mutex mutex_;
  HealthCheckResponse message_;  // While busy, gRPC's.
  std::optional<ServingStatus> next_ ABSL_GUARDED_BY(mutex_), said_ ABSL_GUARDED_BY(mutex_);
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

// Ends a watch before it begins.
class HealthService::Refused final : public grpc::ServerWriteReactor<HealthCheckResponse> {
 public:
  Refused() {
    Finish(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED,
                        "too many health watches, of this connection or in all"));
  }
  void OnDone() override { delete this; }
};

HealthService::HealthService(std::vector<std::string> services) : services_(std::move(services)) {}
HealthService::~HealthService() = default;

bool HealthService::IsKnown(const std::string& service) const {
  return service.empty() ||
         std::find(services_.begin(), services_.end(), service) != services_.end();
}

void HealthService::Set(bool serving) {
  std::vector<std::weak_ptr<Watcher>> watchers;
  {
    absl::MutexLock lock(&mutex_);
    if (serving_ == serving || closed_) return;
    serving_ = serving;
    std::erase_if(watchers_, [](const auto& watcher) { return watcher.expired(); });
    watchers = watchers_;
  }
  for (const auto& weak : watchers) {
    const std::shared_ptr<Watcher> watcher = weak.lock();
    if (watcher != nullptr)
      watcher->Tell(serving ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING);
  }
}

void HealthService::Close() {
  Set(false);
  std::vector<std::weak_ptr<Watcher>> watchers;
  {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
    watchers = std::exchange(watchers_, {});
  }
  for (const auto& weak : watchers) {
    if (const std::shared_ptr<Watcher> watcher = weak.lock(); watcher != nullptr) watcher->Close();
  }
}

grpc::ServerUnaryReactor* HealthService::Check(grpc::CallbackServerContext* context,
                                               const HealthCheckRequest* in,
                                               HealthCheckResponse* out) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (!IsKnown(in->service())) {
    reactor->Finish(grpc::Status(grpc::StatusCode::NOT_FOUND, "no such service"));
    return reactor;
  }
  {
    absl::MutexLock lock(&mutex_);
    out->set_status(serving_ ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING);
  }
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerWriteReactor<HealthCheckResponse>* HealthService::Watch(
    grpc::CallbackServerContext* context, const HealthCheckRequest* in) {
  auto [place, refusal] = watches_.Take(context->peer());
  if (refusal != Quota::Refusal::kNone) return new Refused;
  const std::shared_ptr<Watcher> watcher = Watcher::Make(IsKnown(in->service()), std::move(place));
  bool closed = false;
  {
    absl::MutexLock lock(&mutex_);
    closed = closed_;
    // As long as one is listed here its memory is kept.
    if (watchers_.size() > 2 * watches_.taken())
      std::erase_if(watchers_, [](const auto& w) { return w.expired(); });
    if (!closed) watchers_.push_back(watcher);
    // Under the lock, so that no change comes before it.
    watcher->Tell(serving_ ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING);
  }
  if (closed) watcher->Close();
  return watcher.get();
}

}  // namespace capbroker
