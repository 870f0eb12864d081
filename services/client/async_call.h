// Asynchronous unary calls whose answers arrive on an event loop, and when to repeat one.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "broker/values/time.h"
#include "services/concurrency/event_loop.h"

namespace capbroker {

// The asynchronous side of a generated stub: its type is private, its methods are not.
template <class Stub>
using AsyncOf = std::remove_pointer_t<decltype(std::declval<Stub&>().async())>;

template <class Stub, class Request, class Response>
using UnaryMethod = void (AsyncOf<Stub>::*)(grpc::ClientContext*, const Request*, Response*,
                                            std::function<void(grpc::Status)>);

// Calls `stub->method`; `done(status, response)` runs on the loop. gRPC may run a callback within
// the call that starts it: this is why no call is started under a lock.
template <class Async, class Request, class Response, class Done>
void StartCall(EventLoop& loop, Async* stub,
               void (Async::*method)(grpc::ClientContext*, const Request*, Response*,
                                     std::function<void(grpc::Status)>),
               std::unique_ptr<grpc::ClientContext> context, Request request, Done done) {
  struct Call {
    std::unique_ptr<grpc::ClientContext> context;
    Request request;
    Response response;
    Done done;
  };
  auto call = std::make_shared<Call>(
      Call{std::move(context), std::move(request), Response(), std::move(done)});
  loop.ExpectCompletion();
  (stub->*method)(
      call->context.get(), &call->request, &call->response, [&loop, call](grpc::Status status) {
        loop.Complete([call, status = std::move(status)] { call->done(status, call->response); });
      });
}

// Whether the same call with the same request_id may succeed later; it changes nothing twice.
bool IsRetryable(const grpc::Status& status);

// Exponential backoff: 50 ms, doubled with each failure in a row, at most 2 s.
Span RetryBackoff(int failures);

// Lets the next call connect at once: the channel's own backoff grows to minutes.
void ResetBackoff(grpc::Channel& channel);

}  // namespace capbroker
