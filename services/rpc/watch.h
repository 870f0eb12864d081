// What a watcher is told: first what is, read from the ledger; then what changes, from the feed.
// The feed is subscribed to before anything is read, so nothing is missed; and what was read
// already is not told again.
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

// Of an owner's requests. Used by one thread at a time.
class RequestNews {
 public:
  using Shown = google::protobuf::RepeatedPtrField<v1::CapacityRequest>;
  // `origin`: what changes by its own commands is no news, unless something else is to be told of
  // the request anyway.
  RequestNews(Backend& backend, WatchQuery query, uint64_t origin, Subscription::Wake wake);

  // Whether the present state is still to be read, which waits for the ledger; and its next part.
  bool IsReading() const { return !synced_; }
  absl::Status Read(Shown* out);

  // Then, over and over: what changed since, or why there will be no more; each thing once, as the
  // last of the changes left it; and as much of it as goes into `room` bytes, and a last one.
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
  // The last act that was read of each request, until a later one comes.
  absl::flat_hash_map<RequestId, uint64_t> read_;
  std::vector<std::shared_ptr<const RequestBook>> news_;
  size_t told_ = 0;
};

// Of the offers to a provider.
class OfferNews {
 public:
  using Shown = google::protobuf::RepeatedPtrField<v1::Offer>;
  // `origin`: what its own commands made of the offers they name is no news.
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

// Where a message has its news.
template <class Message>
auto* ShownIn(Message* message) {
  if constexpr (requires { message->mutable_offers(); }) {
    return message->mutable_offers();
  } else {
    return message->mutable_capacity_requests();
  }
}

// A stream of news alone.
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
    // Until there is nothing: nobody is woken for what comes upon something, the end of the news
    // among it.
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
