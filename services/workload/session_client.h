// Client end of a session, an owner's or a provider's. Commands queue while a message is being
// sent; each command gets its reply, or the status with which the session ended.
#pragma once

#include <grpcpp/channel.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "capbroker/v1/session_service.pb.h"
#include "services/client/bidi_stream.h"
#include "services/client/client.h"

namespace capbroker {

// Everything runs on the loop, which outlives the client; the client outlives the loop's run.
template <class Request, class Response>
class SessionClient {
 public:
  using Command = std::remove_pointer_t<decltype(std::declval<Request&>().add_commands())>;
  using Reply = std::remove_cvref_t<decltype(std::declval<Response&>().replies(0))>;
  // The status with which a call of its own would have ended, and the reply. Also DEADLINE_EXCEEDED
  // when no reply came in time, and the session's status when the session ended first: then the
  // outcome is unknown and the reply empty.
  using ReplyCallback = std::function<void(const grpc::Status&, const Reply&)>;

  // `method` is "OwnerSession" or "ProviderSession"; `parent` is whose session it is, such as
  // "owners/openai".
  SessionClient(EventLoop& loop, std::shared_ptr<grpc::Channel> channel, ClientOptions options,
                std::string method, std::string parent)
      : loop_(loop),
        channel_(std::move(channel)),
        options_(std::move(options)),
        method_("/capbroker.v1.SessionService/" + std::move(method)),
        parent_(std::move(parent)) {}

  // Not while a session is open. `on_message` runs for each message, after the replies in it were
  // given to their commands.
  void Start(std::function<void(Response&)> on_message,
             std::function<void(const grpc::Status&)> on_end) {
    if (closing_) return;
    on_message_ = std::move(on_message);
    on_end_ = std::move(on_end);
    stream_ = Stream::Start(loop_, channel_, method_, NewStream(options_),
                            {.on_message = [this](Response& message) { OnMessage(message); },
                             .on_sent = [this] { Flush(); },
                             .on_end = [this](const grpc::Status& status) { OnEnd(status); }});
    Request first;
    first.set_parent(parent_);
    AddQueued(first);
    stream_->Send(std::move(first));
  }

  // Accepts no more commands. Replies are awaited as long as a call would await them; a session
  // without pending commands ends at once.
  void Close() {
    closing_ = true;
    if (stream_ == nullptr) return;
    if (commands_.empty()) return stream_->Cancel();
    stream_->CancelAfter(options_.deadline);
    Flush();
  }

  // A command that comes while no session is open is sent with the next one.
  void Send(Command command, ReplyCallback done) {
    commands_.push_back(
        {std::move(command), std::move(done), EventLoop::NowMicros() + options_.deadline.micros});
    if (!std::exchange(expiring_, true)) loop_.PostAfter(options_.deadline, [this] { Expire(); });
    // Together with whatever else the current work of the loop sends.
    if (!std::exchange(flushing_, true)) {
      loop_.Post([this] {
        flushing_ = false;
        Flush();
      });
    }
  }

 private:
  using Stream = BidiStream<Request, Response>;
  // Limits of the broker: at most 1,024 commands in a message, of less than 1 MiB in all.
  static constexpr int kMostCommands = 1024;
  static constexpr size_t kMostBytes = 512 * 1024;

  struct Pending {
    Command command;
    ReplyCallback done;  // Null after it was called.
    int64_t due_micros = 0;
  };

  void Flush() {
    if (stream_ == nullptr || !stream_->CanSend()) return;
    if (sent_ < commands_.size()) {
      Request message;
      AddQueued(message);
      stream_->Send(std::move(message));
    } else if (closing_) {
      stream_->HalfClose();
    }
  }

  void AddQueued(Request& message) {
    size_t bytes = 0;
    while (sent_ < commands_.size() && message.commands_size() < kMostCommands &&
           bytes < kMostBytes) {
      bytes += commands_[sent_].command.ByteSizeLong();
      message.add_commands()->Swap(&commands_[sent_++].command);
    }
  }

  void OnMessage(Response& message) {
    for (const Reply& reply : message.replies()) {
      const uint64_t place = static_cast<uint64_t>(reply.command()) - static_cast<uint64_t>(first_);
      if (place >= sent_ || commands_[place].done == nullptr) continue;  // It has expired.
      const ReplyCallback done = std::exchange(commands_[place].done, nullptr);
      PopAnswered();
      done(StatusOf(reply), reply);
    }
    on_message_(message);
  }

  static grpc::Status StatusOf(const Reply& reply) {
    if (!reply.has_error()) return grpc::Status::OK;
    return grpc::Status(static_cast<grpc::StatusCode>(reply.error().code()),
                        reply.error().message(), reply.error().SerializeAsString());
  }

  void OnEnd(const grpc::Status& status) {
    stream_ = nullptr;
    std::deque<Pending> left;
    left.swap(commands_);
    sent_ = 0;
    first_ = 1;
    const grpc::Status why =
        status.ok() ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "the session has ended") : status;
    for (const Pending& one : left) {
      if (one.done != nullptr) one.done(why, Reply());
    }
    on_end_(status);
  }

  void Expire() {
    expiring_ = false;
    const int64_t now = EventLoop::NowMicros();
    size_t due = 0;  // Commands are in the order of their due times.
    std::vector<ReplyCallback> expired;
    for (; due < commands_.size() && commands_[due].due_micros <= now; ++due) {
      if (commands_[due].done != nullptr)
        expired.push_back(std::exchange(commands_[due].done, nullptr));
    }
    if (due > sent_) {
      commands_.erase(commands_.begin() + static_cast<ptrdiff_t>(sent_),
                      commands_.begin() + static_cast<ptrdiff_t>(due));
    }
    PopAnswered();
    if (!commands_.empty()) {
      expiring_ = true;
      loop_.PostAfter(Span{commands_.front().due_micros - now}, [this] { Expire(); });
    }
    for (const ReplyCallback& done : expired) {
      done(grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "no reply in time"), Reply());
    }
  }

  // Removes answered commands from the front of the queue.
  void PopAnswered() {
    for (; sent_ > 0 && commands_.front().done == nullptr; --sent_, ++first_) commands_.pop_front();
  }

  EventLoop& loop_;
  const std::shared_ptr<grpc::Channel> channel_;
  const ClientOptions options_;
  const std::string method_;
  const std::string parent_;

  std::shared_ptr<Stream> stream_;
  std::function<void(Response&)> on_message_;
  std::function<void(const grpc::Status&)> on_end_;
  std::deque<Pending> commands_;  // First those sent in this session, then those not sent yet.
  size_t sent_ = 0;               // How many of them were sent.
  int64_t first_ = 1;             // The number that the session gave to the first of them.
  bool flushing_ = false;         // Flush is posted.
  bool expiring_ = false;         // Expire is posted.
  bool closing_ = false;
};

using OwnerSessionClient = SessionClient<v1::OwnerSessionRequest, v1::OwnerSessionResponse>;
using ProviderSessionClient =
    SessionClient<v1::ProviderSessionRequest, v1::ProviderSessionResponse>;

}  // namespace capbroker
