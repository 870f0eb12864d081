// How a desk reaches the broker: its answers, and the offers it is told of. By a call for each
// answer and a watch, or all of it in one session; nobody above knows which.
#pragma once

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <string>

#include "capbroker/v1/offer_service.pb.h"
#include "services/client/client.h"
#include "services/workload/desk_loop.h"

namespace capbroker {

// Everything runs on the loop; what is given to a link is called later, never from within the call
// that gives it.
class DeskLink {
 public:
  using News = v1::WatchOffersResponse;
  // The answer's status as a call of its own would have ended, and where the offer stands, unless
  // it is not OK.
  using Done = std::function<void(const grpc::Status&, v1::Offer::State)>;

  virtual ~DeskLink() = default;

  // Tells the present state and then the news, until `on_end` gives the reason why there are no
  // more. Not while open. What the desk's own answers made of an offer is among the news, if only
  // with name, state, quantity accepted, and state of the allocation.
  virtual void Open(std::function<void(const News&)> on_news,
                    std::function<void(const grpc::Status&)> on_end) = 0;
  // No more news. What was sent is waited for by the loop.
  virtual void Close() = 0;

  virtual void Send(const v1::AcceptOfferRequest& accept, Done done) = 0;
  virtual void Send(const v1::DeclineOfferRequest& decline, Done done) = 0;
};

// `parent` is "providers/{provider}". `loop` outlives the link, and the link outlives the loop's
// run.
std::unique_ptr<DeskLink> MakeDeskLink(Loop& loop, const std::shared_ptr<grpc::Channel>& channel,
                                       const ClientOptions& options, const std::string& parent,
                                       bool session);

}  // namespace capbroker
