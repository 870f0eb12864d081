// One stream both ways on the loop: a message out at a time, and what comes in as work.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/client_callback.h>

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "broker/values/time.h"
#include "services/workload/desk_loop.h"

namespace capbroker {

// All but what gRPC calls is used on the loop, where the three functions given to Open run too.
// After the last message that was read `on_end` runs once, as the last of them, and nothing may be
// asked of the stream any more.
template <class Said, class Told>
class TwoWay final : public grpc::ClientBidiReactor<Said, Told> {
 public:
  // `start(context, reactor)` calls the stub's method. `on_written`: there is room for a message.
  // The stream keeps itself until its end.
  template <class Start>
  static std::shared_ptr<TwoWay> Open(Loop& loop, std::unique_ptr<grpc::ClientContext> context,
                                      std::function<void(Told&)> on_told,
                                      std::function<void()> on_written,
                                      std::function<void(const grpc::Status&)> on_end,
                                      Start start) {
    auto stream = std::shared_ptr<TwoWay>(new TwoWay(loop, std::move(context), std::move(on_told),
                                                     std::move(on_written), std::move(on_end)));
    stream->self_ = stream;
    loop.Expect();
    start(stream->context_.get(), stream.get());
    // gRPC must not end the call while the loop still writes: it may when the loop knows that
    // nothing more is read.
    stream->AddHold();
    stream->StartRead(&stream->told_);
    stream->StartCall();
    return stream;
  }

  // Whether a message may be said.
  bool HasRoom() const { return !writing_ && !over_; }
  void Say(Said message) {
    writing_ = true;
    said_ = std::move(message);
    this->StartWrite(&said_);
  }
  // Instead of a message: there will be no more, and the broker may end the stream in good order.
  void SayLast() {
    writing_ = true;
    this->StartWritesDone();
  }
  void Cancel() { context_->TryCancel(); }
  // Though the loop was stopped by then, and its timed work with it.
  void CancelAfter(Span patience) {
    alarm_.Set(std::chrono::system_clock::now() + std::chrono::microseconds(patience.micros),
               [weak = std::weak_ptr<TwoWay>(self_)](bool is_due) {
                 const std::shared_ptr<TwoWay> self = weak.lock();
                 if (is_due && self != nullptr) self->Cancel();
               });
  }

 private:
  TwoWay(Loop& loop, std::unique_ptr<grpc::ClientContext> context,
         std::function<void(Told&)> on_told, std::function<void()> on_written,
         std::function<void(const grpc::Status&)> on_end)
      : loop_(loop),
        context_(std::move(context)),
        on_told_(std::move(on_told)),
        on_written_(std::move(on_written)),
        on_end_(std::move(on_end)) {}

  void OnReadDone(bool ok) override {
    if (!ok) {
      loop_.Post([self = self_] {
        self->over_ = true;
        self->RemoveHold();
      });
      return;
    }
    auto told = std::make_shared<Told>();
    told->Swap(&told_);
    loop_.Post([self = self_, told] { self->on_told_(*told); });
    this->StartRead(&told_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return;  // A stream that broke tells its reader.
    loop_.Post([self = self_] {
      self->writing_ = false;
      self->on_written_();
    });
  }
  void OnDone(const grpc::Status& status) override {
    loop_.Complete([self = std::move(self_), status] { self->on_end_(status); });
  }

  Loop& loop_;
  const std::unique_ptr<grpc::ClientContext> context_;
  const std::function<void(Told&)> on_told_;
  const std::function<void()> on_written_;
  const std::function<void(const grpc::Status&)> on_end_;
  Told told_;
  Said said_;
  bool writing_ = false, over_ = false;
  grpc::Alarm alarm_;
  std::shared_ptr<TwoWay> self_;
};

}  // namespace capbroker
