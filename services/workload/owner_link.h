// How a load's owner reaches the broker: what it commands, and what it is told of its requests. By
// a call for each command and a watch, or all of it in one session; nobody above knows which.
#pragma once

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <string>

#include "capbroker/v1/capacity_request_service.pb.h"
#include "services/client/client.h"
#include "services/workload/desk_loop.h"

namespace capbroker {

// Everything runs on the loop; what is given to a link is called later, never from within the call
// that gives it.
class OwnerLink {
 public:
  using News = v1::WatchCapacityRequestsResponse;
  struct Answer {
    std::string name{};   // Of what was created or moved.
    std::string state{};  // Where that stands, in the API's word; empty if the answer does not say.
    // Where the request stands, if no news will say so: a session does not repeat what its own
    // commands made of it.
    v1::CapacityRequest::State untold = v1::CapacityRequest::STATE_UNSPECIFIED;
  };
  // The command's status as a call of its own would have ended; the answer is empty unless it is
  // OK.
  using Done = std::function<void(const grpc::Status&, const Answer&)>;

  virtual ~OwnerLink() = default;

  // Tells the present state and then the news, until `on_end` gives the reason why there are no
  // more. Not while open.
  virtual void Open(std::function<void(const News&)> on_news,
                    std::function<void(const grpc::Status&)> on_end) = 0;
  // No more news. What was sent is waited for by the loop.
  virtual void Close() = 0;

  virtual void Send(const v1::CreateCapacityRequestRequest& create, Done done) = 0;
  virtual void Send(const v1::CancelCapacityRequestRequest& cancel, Done done) = 0;
  virtual void Send(const v1::ReleaseAllocationRequest& release, Done done) = 0;
};

// `parent` is "owners/{owner}". `loop` outlives the link, and the link outlives the loop's run.
std::unique_ptr<OwnerLink> MakeOwnerLink(Loop& loop, const std::shared_ptr<grpc::Channel>& channel,
                                         const ClientOptions& options, const std::string& parent,
                                         bool session);

}  // namespace capbroker
