// What a watcher is told: first what is, read from the ledger; then what changes, from the feed. The feed is
// subscribed to before anything is read, so nothing is missed; and what was read already is not told again.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "capbroker/v1/capacity_request_service.pb.h"
#include "capbroker/v1/offer_service.pb.h"
#include "services/rpc/backend.h"
#include "services/rpc/parse.h"
#include "services/rpc/render.h"
#include "services/rpc/stream.h"

namespace capbroker {

class RequestWatch final : public Source<v1::WatchCapacityRequestsResponse> {
 public:
  RequestWatch(Backend& backend, WatchQuery query, Subscription::Wake wake);
  absl::StatusOr<Step> Next(v1::WatchCapacityRequestsResponse* out) override;
  bool IsReading() const override { return !synced_; }

 private:
  absl::StatusOr<Step> ReadState(v1::WatchCapacityRequestsResponse* out);
  absl::Status ReadOne(v1::WatchCapacityRequestsResponse* out);

  Backend& backend_;
  const WatchQuery query_;
  const std::shared_ptr<Subscription> subscription_;
  std::string token_;
  bool synced_ = false;
  // The last act that was read of each request, until a later one comes.
  absl::flat_hash_map<RequestId, uint64_t> read_;
};

class OfferWatch final : public Source<v1::WatchOffersResponse> {
 public:
  OfferWatch(Backend& backend, ProviderId provider, Viewer viewer, Subscription::Wake wake);
  absl::StatusOr<Step> Next(v1::WatchOffersResponse* out) override;
  bool IsReading() const override { return !synced_; }

 private:
  absl::StatusOr<Step> ReadState(v1::WatchOffersResponse* out);

  Backend& backend_;
  const ProviderId provider_;
  const Viewer viewer_;
  const std::shared_ptr<Subscription> subscription_;
  std::string token_;
  bool synced_ = false;
  // By offer and not by request: two offers of one request may be read at different times.
  absl::flat_hash_map<std::pair<RequestId, uint32_t>, uint64_t> read_;
};

}  // namespace capbroker
