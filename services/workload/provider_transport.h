// How a desk talks to the broker: single calls and a watch, or one session. The desk does not know
// which.
#pragma once

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <string>

#include "capbroker/v1/offer_service.pb.h"
#include "services/client/client.h"
#include "services/concurrency/event_loop.h"

namespace capbroker {

// Everything runs on the loop. Callbacks run later, never within the call that passes them.
class ProviderTransport {
 public:
  using Update = v1::WatchOffersResponse;
  // The status with which a call of its own would have ended, and the offer's state if it is OK.
  using Done = std::function<void(const grpc::Status&, v1::Offer::State)>;

  virtual ~ProviderTransport() = default;

  // Delivers the present state and then the changes; `on_end` says why there are no more. Not while
  // subscribed. Changes that the desk's own answers caused are among them, at least with name,
  // state, accepted quantity and state of the allocation.
  virtual void Subscribe(std::function<void(const Update&)> on_update,
                         std::function<void(const grpc::Status&)> on_end) = 0;
  // Delivers no more updates. The loop still waits for calls in flight.
  virtual void Close() = 0;

  virtual void Send(const v1::AcceptOfferRequest& accept, Done done) = 0;
  virtual void Send(const v1::DeclineOfferRequest& decline, Done done) = 0;
};

// `parent` is "providers/{provider}". `loop` outlives the transport, which outlives the loop's run.
std::unique_ptr<ProviderTransport> MakeProviderTransport(
    EventLoop& loop, const std::shared_ptr<grpc::Channel>& channel, const ClientOptions& options,
    const std::string& parent, bool session);

}  // namespace capbroker
