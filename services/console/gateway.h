// JSON gateway: calls the API's methods by their descriptors, with the credentials of the HTTP
// request. Permissions, limits and refusals are those of gRPC; there is no second API.
//
//   POST /api/OfferService/AcceptOffer     The body and the reply are the messages as JSON.
//   GET /events/OfferService/WatchOffers?body={"parent":"providers/azure"}
//                                          Server-sent events: one message per event, and at the
//                                          end an event "end" with a google.rpc.Status.
//
// JSON is protobuf's own mapping. An error is a google.rpc.Status with its details, under the HTTP
// code that google.rpc.Code assigns to it.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/status.h>

#include <atomic>
#include <memory>
#include <string>

#include "services/admin/admin_server.h"

namespace capbroker {

// 200 for OK; else the code that google/rpc/code.proto assigns.
int HttpCodeOf(grpc::StatusCode code);

// A google.rpc.Status as JSON.
AdminReply ReplyOf(const grpc::Status& status);

class Gateway {
 public:
  // The server at the channel's other end must not trust callers because of where they call from.
  explicit Gateway(const std::shared_ptr<grpc::Channel>& channel)
      : channel_(channel), stub_(channel) {}

  // For the two kinds of path. Thread-safe.
  //
  // 404  there is no such method, or it is of the other kind.
  // 400  the JSON is not a message of this method; a BadRequest names the field.
  // 415  Call: the Content-Type is not application/json.
  // 429  Follow: kMostAdminStreams streams are open.
  AdminReply Call(const AdminRequest& in);
  // A stream that is refused before its first message gets the reply of a call.
  AdminReply Follow(const AdminRequest& in);

 private:
  const std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
  // Shared: a stream may outlive its gateway briefly.
  const std::shared_ptr<std::atomic<size_t>> streams_ = std::make_shared<std::atomic<size_t>>(0);
};

}  // namespace capbroker
