// One thread on which a client's whole state lives: gRPC's callbacks post to it, so that nothing
// else needs a lock, and no call is ever started under one (gRPC may run a callback within the call
// that starts it).
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/client_callback.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "broker/values/time.h"

namespace capbroker {

class Loop {
 public:
  using Work = std::function<void()>;

  // From any thread. Work runs in the order it was posted; timed work not before its time, and
  // never after Stop.
  void Post(Work work) ABSL_LOCKS_EXCLUDED(mutex_);
  void PostAfter(Span delay, Work work) ABSL_LOCKS_EXCLUDED(mutex_);

  // A call is out whose completion will be posted with Complete: Run does not return before.
  void Expect() ABSL_LOCKS_EXCLUDED(mutex_);
  void Complete(Work work) ABSL_LOCKS_EXCLUDED(mutex_);

  // Runs work until Stop was called and every expected call has completed.
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

  // Microseconds on a clock that only measures spans.
  static int64_t Micros();

 private:
  absl::Mutex mutex_;
  absl::CondVar changed_;
  std::vector<Work> ready_ ABSL_GUARDED_BY(mutex_);
  std::multimap<int64_t, Work> timed_ ABSL_GUARDED_BY(mutex_);  // By Micros().
  int64_t expected_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

// The callback side of a generated stub, whose name is private and whose methods are not.
template <class Stub>
using AsyncOf = std::remove_pointer_t<decltype(std::declval<Stub&>().async())>;

template <class Stub, class Request, class Response>
using UnaryMethod = void (AsyncOf<Stub>::*)(grpc::ClientContext*, const Request*, Response*,
                                            std::function<void(grpc::Status)>);

// One unary call; `done(status, response)` runs on the loop.
template <class Async, class Request, class Response, class Done>
void StartCall(Loop& loop, Async* stub,
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
  loop.Expect();
  (stub->*method)(
      call->context.get(), &call->request, &call->response, [&loop, call](grpc::Status status) {
        loop.Complete([call, status = std::move(status)] { call->done(status, call->response); });
      });
}

// One stream from the broker, followed to its end. `on_message` and then, once, `on_end` run on the
// loop.
template <class Message>
class Watch final : public grpc::ClientReadReactor<Message> {
 public:
  // `start(context, reactor)` calls the stub's method. The watch keeps itself until its end.
  template <class Start>
  static std::shared_ptr<Watch> Open(Loop& loop, std::unique_ptr<grpc::ClientContext> context,
                                     std::function<void(const Message&)> on_message,
                                     std::function<void(const grpc::Status&)> on_end, Start start) {
    auto watch = std::shared_ptr<Watch>(
        new Watch(loop, std::move(context), std::move(on_message), std::move(on_end)));
    watch->self_ = watch;
    loop.Expect();
    start(watch->context_.get(), watch.get());
    watch->StartRead(&watch->message_);
    watch->StartCall();
    return watch;
  }
  void Cancel() { context_->TryCancel(); }

 private:
  Watch(Loop& loop, std::unique_ptr<grpc::ClientContext> context,
        std::function<void(const Message&)> on_message,
        std::function<void(const grpc::Status&)> on_end)
      : loop_(loop),
        context_(std::move(context)),
        on_message_(std::move(on_message)),
        on_end_(std::move(on_end)) {}

  void OnReadDone(bool ok) override {
    if (!ok) return;
    auto message = std::make_shared<Message>();
    message->Swap(&message_);
    loop_.Post([self = self_, message] { self->on_message_(*message); });
    this->StartRead(&message_);
  }
  void OnDone(const grpc::Status& status) override {
    loop_.Complete([self = std::move(self_), status] { self->on_end_(status); });
  }

  Loop& loop_;
  const std::unique_ptr<grpc::ClientContext> context_;
  const std::function<void(const Message&)> on_message_;
  const std::function<void(const grpc::Status&)> on_end_;
  Message message_;
  std::shared_ptr<Watch> self_;
};

// Whether the same call with the same request_id may succeed later, and changes nothing twice.
bool IsWorthRepeating(const grpc::Status& status);

// 50 ms, doubling with each failure in a row, at most 2 s.
Span Backoff(int failures);

}  // namespace capbroker
