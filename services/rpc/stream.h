// One call that is answered by many messages, whatever they are made from: a watch's news, or a
// file in pieces.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "broker/values/refusal.h"
#include "services/messages/errors.h"
#include "services/rpc/backend.h"
#include "services/rpc/call.h"

namespace capbroker {

// Where the messages come from. Used by one thread at a time.
template <class Message>
class Source {
 public:
  enum class Step {
    kMessage,  // `out` is to be sent.
    kWait,     // Nothing for now: Wake is called once there may be something.
    kEnd,      // That was all.
  };
  virtual ~Source() = default;
  // The next message, into an empty one. A status ends the stream.
  virtual absl::StatusOr<Step> Next(Message* out) = 0;
  // Whether Next will wait for the ledger.
  virtual bool IsReading() const = 0;
  // Whether Next would give kWait; may be asked by another thread, while none is in Next.
  virtual bool IsEmpty() const { return false; }
};

// Asks its source for one message after the other, each when the one before has left; so a reader
// that is slow holds one message here, and whatever its source keeps for it.
template <class Message>
class Stream final : public grpc::ServerWriteReactor<Message>,
                     public std::enable_shared_from_this<Stream<Message>> {
 public:
  using Wake = std::function<void()>;
  // Makes the source once the caller is known and the message is read, of both and of `wake`, which
  // may be called from any thread, at any time.
  template <class In, class MakeSource>
  static grpc::ServerWriteReactor<Message>* Open(Backend& backend,
                                                 grpc::CallbackServerContext* context,
                                                 Method method, const In& in, MakeSource make) {
    auto stream = std::make_shared<Stream>(backend, context, method);
    stream->self_ = stream;
    auto query = Parse(in);
    absl::Status status = stream->caller_.status();
    if (status.ok()) status = query.status();
    if (status.ok()) status = CheckTargetOf(*stream->caller_, method, *query, SubjectOf(in));
    if (status.ok()) {
      stream->source_ = make(*std::move(query), *stream->caller_, [weak = std::weak_ptr(stream)] {
        if (const std::shared_ptr<Stream> self = weak.lock(); self != nullptr) self->Awake();
      });
      stream->identity_ = WatchCaller(backend, *context, *stream->caller_,
                                      [weak = std::weak_ptr(stream)](const absl::Status& why) {
                                        if (const std::shared_ptr<Stream> self = weak.lock())
                                          self->Revoke(why);
                                      });
      // Only the first step can be turned away: what was let in goes on.
      if (!backend.reads.TryRun([stream] { stream->Work(); })) {
        status = Refuse(absl::StatusCode::kResourceExhausted, "OVERLOADED", "too many reads wait");
      }
    }
    if (!status.ok()) stream->End(status);
    return stream.get();
  }

  Stream(Backend& backend, grpc::CallbackServerContext* context, Method method)
      : backend_(backend),
        context_(context),
        method_(method),
        caller_(CallerOf(backend, *context, method)) {}

 private:
  enum class State { kWorking, kWaiting, kWriting, kEnded };

  // The next message is made, and sent.
  void Work() ABSL_LOCKS_EXCLUDED(mutex_) {
    while (true) {
      absl::Status revoked;
      {
        absl::MutexLock lock(&mutex_);
        woken_ = false;
        revoked = revoked_;
      }
      if (!revoked.ok()) return End(revoked);
      message_.Clear();
      absl::StatusOr<typename Source<Message>::Step> step = source_->Next(&message_);
      if (!step.ok()) return End(step.status());
      if (*step == Source<Message>::Step::kEnd) return End(absl::OkStatus());
      if (*step == Source<Message>::Step::kMessage) return Send();
      absl::MutexLock lock(&mutex_);
      if (cancelled_) break;
      if (!woken_) {
        state_ = State::kWaiting;
        return;
      }
    }
    End(absl::CancelledError("the caller is gone"));
  }

  void Send() ABSL_LOCKS_EXCLUDED(mutex_) {
    {
      absl::MutexLock lock(&mutex_);
      state_ = State::kWriting;
    }
    this->StartWrite(&message_);  // Not under the lock: OnWriteDone may run at once.
  }

  void Schedule() {
    auto work = [self = this->shared_from_this()] { self->Work(); };
    if (source_->IsReading()) {
      backend_.reads.Run(std::move(work));
    } else {
      backend_.news.Run(std::move(work));
    }
  }

  void Awake() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    Wakened();
  }
  void Wakened() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    woken_ = true;
    if (state_ != State::kWaiting) return;
    state_ = State::kWorking;
    Schedule();
  }

  // The caller's credentials are not valid any more.
  void Revoke(const absl::Status& why) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    revoked_ = why;
    Wakened();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return End(absl::CancelledError("the caller is gone"));
    absl::MutexLock lock(&mutex_);
    const bool has_more = woken_ || cancelled_ || !source_->IsEmpty();
    state_ = has_more ? State::kWorking : State::kWaiting;
    if (has_more) Schedule();
  }

  void OnCancel() override {
    {
      absl::MutexLock lock(&mutex_);
      cancelled_ = true;
      // Working sees it before it waits; writing is told by OnWriteDone.
      if (state_ != State::kWaiting) return;
      state_ = State::kEnded;
    }
    this->Finish(grpc::Status::CANCELLED);
  }

  void End(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_) {
    {
      absl::MutexLock lock(&mutex_);
      if (state_ == State::kEnded) return;
      state_ = State::kEnded;
    }
    if (!status.ok() && status.code() != absl::StatusCode::kCancelled) {
      LogRefusal(backend_, method_, caller_, *context_, status);
    }
    this->Finish(ToGrpc(status));
  }

  void OnDone() override {
    identity_.reset();
    const std::shared_ptr<Stream> last = std::move(self_);
  }

  Backend& backend_;
  grpc::CallbackServerContext* const context_;
  const Method method_;
  const absl::StatusOr<Actor> caller_;
  std::unique_ptr<Source<Message>> source_;
  std::shared_ptr<Stream> self_;    // gRPC's hold on it.
  std::shared_ptr<void> identity_;  // Told of its end.
  Message message_;

  absl::Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kWorking;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status revoked_ ABSL_GUARDED_BY(mutex_);  // Not OK once the caller's credentials are not.
};

}  // namespace capbroker
