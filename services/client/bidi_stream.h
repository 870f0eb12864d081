// Bidirectional stream of a gRPC client whose events run on an event loop. A stream that only the
// server continues, such as a watch, is one on which a single message is sent.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/client_callback.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "broker/values/time.h"
#include "services/concurrency/event_loop.h"

namespace capbroker {

// Use it on the loop's thread only. It keeps itself alive until its end.
template <class Request, class Response>
class BidiStream final : public grpc::ClientBidiReactor<Request, Response> {
 public:
  // All run on the loop.
  struct Handlers {
    std::function<void(Response&)> on_message;
    std::function<void()> on_sent = [] {};  // CanSend() again.
    // Runs once, after the last message; the stream must not be used any more.
    std::function<void(const grpc::Status&)> on_end;
  };

  // Calls `method`, such as "/capbroker.v1.OfferService/WatchOffers". `loop` outlives the stream.
  static std::shared_ptr<BidiStream> Start(EventLoop& loop,
                                           const std::shared_ptr<grpc::ChannelInterface>& channel,
                                           const std::string& method,
                                           std::unique_ptr<grpc::ClientContext> context,
                                           Handlers handlers) {
    auto stream =
        std::shared_ptr<BidiStream>(new BidiStream(loop, std::move(context), std::move(handlers)));
    stream->self_ = stream;
    loop.ExpectCompletion();
    grpc::TemplatedGenericStub<Request, Response>(channel).PrepareBidiStreamingCall(
        stream->context_.get(), method, {}, stream.get());
    // The loop starts writes and reads: gRPC must not end the call before the loop knows that
    // nothing more will be read.
    stream->AddHold();
    stream->StartRead(&stream->incoming_);
    stream->StartCall();
    return stream;
  }

  // One message is sent at a time.
  bool CanSend() const { return !sending_ && !over_; }
  void Send(Request message) {
    sending_ = true;
    outgoing_ = std::move(message);
    this->StartWrite(&outgoing_);
  }
  // Sends the last message and half-closes the stream.
  void SendLast(Request message) {
    sending_ = true;
    outgoing_ = std::move(message);
    this->StartWriteLast(&outgoing_, {});
  }
  // Half-closes the stream: the server may end it in good order.
  void HalfClose() {
    sending_ = true;
    this->StartWritesDone();
  }
  void Cancel() { context_->TryCancel(); }
  // Also works when the loop was stopped before, and its delayed work with it.
  void CancelAfter(Span delay) {
    alarm_.Set(std::chrono::system_clock::now() + std::chrono::microseconds(delay.micros),
               [weak = std::weak_ptr<BidiStream>(self_)](bool is_due) {
                 const std::shared_ptr<BidiStream> self = weak.lock();
                 if (is_due && self != nullptr) self->Cancel();
               });
  }

 private:
  // Messages that may wait for the loop; then no more are read, which the server's flow control
  // notices.
  static constexpr int kReadAhead = 16;

  BidiStream(EventLoop& loop, std::unique_ptr<grpc::ClientContext> context, Handlers handlers)
      : loop_(loop), context_(std::move(context)), handlers_(std::move(handlers)) {}

  void OnReadDone(bool ok) override {
    if (!ok) {
      loop_.Post([self = self_] {
        self->over_ = true;
        self->RemoveHold();
      });
      return;
    }
    Response message;
    message.Swap(&incoming_);
    const bool has_room = waiting_.fetch_add(1) + 1 < kReadAhead;
    loop_.Post([self = self_, message = std::move(message)]() mutable {
      self->handlers_.on_message(message);
      if (self->waiting_.fetch_sub(1) == kReadAhead) self->StartRead(&self->incoming_);
    });
    if (has_room) this->StartRead(&incoming_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return;  // The reader learns of a broken stream.
    loop_.Post([self = self_] {
      self->sending_ = false;
      self->handlers_.on_sent();
    });
  }
  void OnDone(const grpc::Status& status) override {
    loop_.Complete([self = std::move(self_), status] { self->handlers_.on_end(status); });
  }

  EventLoop& loop_;
  const std::unique_ptr<grpc::ClientContext> context_;
  const Handlers handlers_;
  Response incoming_;  // gRPC's while it reads.
  Request outgoing_;
  std::atomic<int> waiting_ = 0;  // Messages posted to the loop and not handled yet.
  bool sending_ = false, over_ = false;
  grpc::Alarm alarm_;
  std::shared_ptr<BidiStream> self_;
};

}  // namespace capbroker
