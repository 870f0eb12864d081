// The API in JSON, for a page: no second one. Every call goes to the server's own methods, by their
// descriptors, with the credentials that the page sent, so that who may what, every limit and every
// refusal are those of gRPC.
//
//   POST /api/OfferService/AcceptOffer     the message as JSON; answered by the message as JSON
//   GET /events/OfferService/WatchOffers?body={"parent":"providers/azure"}
//                                          a stream, as server-sent events: each message is one's
//                                          data; at the end an event "end" with a google.rpc.Status
//
// JSON is protobuf's own. A refusal is a google.rpc.Status with its details, under the HTTP code
// that google.rpc.Code gives it.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/status.h>

#include <atomic>
#include <memory>
#include <string>

#include "services/admin/admin_server.h"

namespace capbroker {

// 200 for OK; of anything else what google/rpc/code.proto says.
int HttpCodeOf(grpc::StatusCode code);

// A google.rpc.Status as JSON.
AdminReply ReplyOf(const grpc::Status& status);

class Gateway {
 public:
  // The channel's peer counts nobody for known by where a call comes from.
  explicit Gateway(const std::shared_ptr<grpc::Channel>& channel) : stub_(channel) {}

  // For the two kinds of path. From several threads at once.
  //
  // 404  there is no such method, or it is of the other kind.
  // 400  the JSON is not a message of this method; a BadRequest names the field.
  // 415  of Call: the Content-Type is not application/json.
  // 429  of Follow: kMostAdminStreams streams are open.
  AdminReply Call(const AdminRequest& in);
  // A stream that is refused before its first message is answered as a call.
  AdminReply Follow(const AdminRequest& in);

 private:
  grpc::GenericStub stub_;
  // Shared, since a stream may outlive its gateway by a moment.
  const std::shared_ptr<std::atomic<size_t>> streams_ = std::make_shared<std::atomic<size_t>>(0);
};

}  // namespace capbroker
