// How the owner of a load talks to the broker: single calls and a watch, or one session. The owner
// does not know which.
#pragma once

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <string>

#include "capbroker/v1/capacity_request_service.pb.h"
#include "services/client/client.h"
#include "services/concurrency/event_loop.h"

namespace capbroker {

// Everything runs on the loop. Callbacks run later, never within the call that passes them.
class OwnerTransport {
 public:
  using Update = v1::WatchCapacityRequestsResponse;
  struct Answer {
    std::string name{};   // Of the resource created or changed.
    std::string state{};  // Its state, as the API spells it; empty if the answer does not say.
    // The request's state, if no update will report it: a session does not report what its own
    // commands changed.
    v1::CapacityRequest::State unreported = v1::CapacityRequest::STATE_UNSPECIFIED;
  };
  // The status with which a call of its own would have ended; the answer is empty unless it is OK.
  using Done = std::function<void(const grpc::Status&, const Answer&)>;

  virtual ~OwnerTransport() = default;

  // Delivers the present state and then the changes; `on_end` says why there are no more. Not while
  // subscribed.
  virtual void Subscribe(std::function<void(const Update&)> on_update,
                         std::function<void(const grpc::Status&)> on_end) = 0;
  // Delivers no more updates. The loop still waits for calls in flight.
  virtual void Close() = 0;

  virtual void Send(const v1::CreateCapacityRequestRequest& create, Done done) = 0;
  virtual void Send(const v1::CancelCapacityRequestRequest& cancel, Done done) = 0;
  virtual void Send(const v1::ReleaseAllocationRequest& release, Done done) = 0;
};

// `parent` is "owners/{owner}". `loop` outlives the transport, which outlives the loop's run.
std::unique_ptr<OwnerTransport> MakeOwnerTransport(EventLoop& loop,
                                                   const std::shared_ptr<grpc::Channel>& channel,
                                                   const ClientOptions& options,
                                                   const std::string& parent, bool session);

}  // namespace capbroker
