// Sources of watches: first a snapshot, read from the ledger, then changes from the change feed.
// The feed is subscribed to before the snapshot is read, so no change is missed; changes that the
// snapshot contains are skipped.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "capbroker/v1/capacity_request_service.pb.h"
#include "capbroker/v1/offer_service.pb.h"
#include "services/messages/parse.h"
#include "services/messages/render.h"
#include "services/rpc/backend.h"
#include "services/rpc/reading.h"
#include "services/rpc/stream.h"

namespace capbroker {

using Changes = std::vector<Change>;

// Snapshot and changes of an owner's requests. Used by one thread at a time.
class RequestNews {
 public:
  using Shown = google::protobuf::RepeatedPtrField<v1::CapacityRequest>;
  // A request that only commands of `origin` changed is left out.
  RequestNews(Backend& backend, WatchQuery query, uint64_t origin, Subscription::Wake wake);

  // Whether the snapshot is still being read, which waits for the ledger. Read appends its next
  // part.
  bool IsReading() const { return !synced_; }
  absl::Status Read(Shown* out);

  // After the snapshot, repeatedly: Take returns the changes since, or why the stream ends; Add
  // merges them, so that each request is told once, in its last state; Tell renders until `room`
  // bytes are exceeded.
  absl::StatusOr<Changes> Take() { return subscription_->Take(); }
  void Add(const Changes& changes);
  bool HasMore() const { return told_ < news_.size(); }
  bool IsEmpty() const { return !HasMore() && subscription_->IsEmpty(); }
  void Tell(size_t room, Shown* out);

 private:
  absl::Status ReadOne(Shown* out);

  Backend& backend_;
  const WatchQuery query_;
  const uint64_t origin_;
  const std::shared_ptr<Subscription> subscription_;
  std::string token_;
  bool synced_ = false;
  // The last act that the snapshot has of each request, until a later one comes.
  absl::flat_hash_map<RequestId, uint64_t> read_;
  std::vector<std::shared_ptr<const RequestBook>> news_;
  size_t told_ = 0;
};

// Snapshot and changes of the offers to a provider. Used by one thread at a time.
class OfferNews {
 public:
  using Shown = google::protobuf::RepeatedPtrField<v1::Offer>;
  // An offer that only the command of `origin` that names it changed is left out.
  OfferNews(Backend& backend, ProviderId provider, Viewer viewer, uint64_t origin,
            Subscription::Wake wake);

  bool IsReading() const { return !synced_; }
  absl::Status Read(Shown* out);

  absl::StatusOr<Changes> Take() { return subscription_->Take(); }
  void Add(const Changes& changes);
  bool HasMore() const { return told_ < news_.size(); }
  bool IsEmpty() const { return !HasMore() && subscription_->IsEmpty(); }
  void Tell(size_t room, Shown* out);

 private:
  struct News {
    OwnerId owner;
    std::shared_ptr<const RequestBook> request;
    uint32_t number;
  };

  Backend& backend_;
  const ProviderId provider_;
  const Viewer viewer_;
  const uint64_t origin_;
  const std::shared_ptr<Subscription> subscription_;
  std::string token_;
  bool synced_ = false;
  // By offer and not by request: two offers of one request may be read at different times.
  absl::flat_hash_map<std::pair<RequestId, uint32_t>, uint64_t> read_;
  std::vector<News> news_;
  size_t told_ = 0;
};

// The field of a message that contains its requests or offers.
template <class Message>
auto* ShownIn(Message* message) {
  if constexpr (requires { message->mutable_offers(); }) {
    return message->mutable_offers();
  } else {
    return message->mutable_capacity_requests();
  }
}

// The source of a watch's stream.
template <class News, class Message>
class Watch final : public Source<Message> {
 public:
  template <class... Args>
  explicit Watch(Args&&... args) : news_(std::forward<Args>(args)...) {}

  absl::StatusOr<typename Source<Message>::Step> Next(Message* out) override {
    if (news_.IsReading()) {
      if (absl::Status status = news_.Read(ShownIn(out)); !status.ok()) return status;
      out->set_synced(!news_.IsReading());
      return Source<Message>::Step::kMessage;
    }
    // Until nothing is queued: Wake is only called when the first change is queued or the feed
    // ends.
    while (!news_.HasMore()) {
      const absl::StatusOr<Changes> changes = news_.Take();
      if (!changes.ok()) return changes.status();
      if (changes->empty()) return Source<Message>::Step::kWait;
      news_.Add(*changes);
    }
    news_.Tell(kMessageBytes, ShownIn(out));
    return Source<Message>::Step::kMessage;
  }
  bool IsReading() const override { return news_.IsReading(); }
  bool IsEmpty() const override { return !news_.IsReading() && news_.IsEmpty(); }

 private:
  News news_;
};
using RequestWatch = Watch<RequestNews, v1::WatchCapacityRequestsResponse>;
using OfferWatch = Watch<OfferNews, v1::WatchOffersResponse>;

}  // namespace capbroker
