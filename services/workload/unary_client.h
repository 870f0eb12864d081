// Client that follows changes by a watch and sends each command as a unary call.
#pragma once

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "services/client/async_call.h"
#include "services/client/bidi_stream.h"
#include "services/client/client.h"

namespace capbroker {

// The watch of `Service` has the messages `Request` and `Response`. Everything runs on the loop,
// which outlives the client; the client outlives the loop's run.
template <class Service, class Request, class Response>
class UnaryClient {
 public:
  using Async = AsyncOf<typename Service::Stub>;

  // `watch` is the name of the watch's method; `parent` is whose changes it reports, such as
  // "owners/openai".
  UnaryClient(EventLoop& loop, std::shared_ptr<grpc::Channel> channel, ClientOptions options,
              const std::string& watch, std::string parent)
      : loop_(loop),
        channel_(std::move(channel)),
        options_(std::move(options)),
        watch_method_("/" + std::string(Service::service_full_name()) + "/" + watch),
        parent_(std::move(parent)),
        stub_(Service::NewStub(channel_)) {}

  // Not while a watch is open.
  void Start(std::function<void(Response&)> on_message,
             std::function<void(const grpc::Status&)> on_end) {
    Request request;
    request.set_parent(parent_);
    watch_ =
        Watch::Start(loop_, channel_, watch_method_, NewStream(options_),
                     {.on_message = std::move(on_message),
                      .on_end = [this, on_end = std::move(on_end)](const grpc::Status& status) {
                        watch_ = nullptr;
                        on_end(status);
                      }});
    watch_->SendLast(std::move(request));
  }
  void Close() {
    if (watch_ != nullptr) watch_->Cancel();
  }

  // Calls `method`; `done(status, response)` runs on the loop.
  template <class Command, class Result, class Done>
  void Call(UnaryMethod<typename Service::Stub, Command, Result> method, const Command& command,
            Done done) {
    StartCall(loop_, stub_->async(), method, NewContext(options_), command, std::move(done));
  }

 private:
  using Watch = BidiStream<Request, Response>;

  EventLoop& loop_;
  const std::shared_ptr<grpc::Channel> channel_;
  const ClientOptions options_;
  const std::string watch_method_;
  const std::string parent_;
  const std::unique_ptr<typename Service::Stub> stub_;
  std::shared_ptr<Watch> watch_;
};

}  // namespace capbroker
