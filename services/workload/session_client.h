// The caller's end of a session, of an owner's or a provider's: commands gather while a message is
// under way, and each gets its reply, or what the session ended with.
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

#include "capbroker/v1/session_service.grpc.pb.h"
#include "services/client/client.h"
#include "services/workload/desk_loop.h"
#include "services/workload/two_way.h"

namespace capbroker {

// Everything runs on the loop, which outlives it; and it outlives the loop's run.
template <class Said, class Told>
class SessionClient {
 public:
  using Command = std::remove_pointer_t<decltype(std::declval<Said&>().add_commands())>;
  using Reply = std::remove_cvref_t<decltype(std::declval<Told&>().replies(0))>;
  // How the command's own call would have ended, and the reply. Besides: DEADLINE_EXCEEDED without
  // a reply in time, and what the session ended with while the reply was waited for; then the
  // outcome is not known, and the reply empty.
  using Done = std::function<void(const grpc::Status&, const Reply&)>;
  using Async = AsyncOf<v1::SessionService::Stub>;
  using Method = void (Async::*)(grpc::ClientContext*, grpc::ClientBidiReactor<Said, Told>*);

  // `parent` is whose session: "owners/openai".
  SessionClient(Loop& loop, const std::shared_ptr<grpc::Channel>& channel, ClientOptions options,
                Method method, std::string parent)
      : loop_(loop),
        options_(std::move(options)),
        method_(method),
        parent_(std::move(parent)),
        stub_(v1::SessionService::NewStub(channel)) {}

  // Not while one is open. `on_told` runs for each message, once the replies in it were given to
  // their commands.
  void Open(std::function<void(Told&)> on_told, std::function<void(const grpc::Status&)> on_end) {
    if (closing_) return;
    on_told_ = std::move(on_told);
    on_end_ = std::move(on_end);
    stream_ = TwoWay<Said, Told>::Open(
        loop_, NewStream(options_), [this](Told& told) { OnTold(told); }, [this] { Flush(); },
        [this](const grpc::Status& status) { OnEnd(status); },
        [this](grpc::ClientContext* context, auto* reactor) {
          (stub_->async()->*method_)(context, reactor);
        });
    Said first;
    first.set_parent(parent_);
    Gather(first);
    stream_->Say(std::move(first));
  }

  // No more commands. What was sent is waited for, as long as a call would be; a session that
  // nothing waits for ends.
  void Close() {
    closing_ = true;
    if (stream_ == nullptr) return;
    if (commands_.empty()) return stream_->Cancel();
    stream_->CancelAfter(options_.deadline);
    Flush();
  }

  // A command that comes while no session is open goes with the next.
  void Send(Command command, Done done) {
    commands_.push_back(
        {std::move(command), std::move(done), Loop::Micros() + options_.deadline.micros});
    if (!std::exchange(timing_, true)) loop_.PostAfter(options_.deadline, [this] { Expire(); });
    // With what else becomes ready in the work at hand.
    if (!std::exchange(flushing_, true)) {
      loop_.Post([this] {
        flushing_ = false;
        Flush();
      });
    }
  }

 private:
  static constexpr int kMostCommands = 1024;        // Of a message; the broker takes no more,
  static constexpr size_t kMostBytes = 512 * 1024;  // and no message of more than 1 MiB.

  struct Waiting {
    Command command;
    Done done;  // Null once it was called.
    int64_t due_micros = 0;
  };

  void Flush() {
    if (stream_ == nullptr || !stream_->HasRoom()) return;
    if (sent_ < commands_.size()) {
      Said message;
      Gather(message);
      stream_->Say(std::move(message));
    } else if (closing_) {
      stream_->SayLast();
    }
  }

  void Gather(Said& message) {
    size_t bytes = 0;
    while (sent_ < commands_.size() && message.commands_size() < kMostCommands &&
           bytes < kMostBytes) {
      bytes += commands_[sent_].command.ByteSizeLong();
      message.add_commands()->Swap(&commands_[sent_++].command);
    }
  }

  void OnTold(Told& told) {
    for (const Reply& reply : told.replies()) {
      const uint64_t place = static_cast<uint64_t>(reply.command()) - static_cast<uint64_t>(first_);
      // One that is not waited for any more.
      if (place >= sent_ || commands_[place].done == nullptr) continue;
      const Done done = std::exchange(commands_[place].done, nullptr);
      Trim();
      done(StatusOf(reply), reply);
    }
    on_told_(told);
  }

  static grpc::Status StatusOf(const Reply& reply) {
    if (!reply.has_error()) return grpc::Status::OK;
    return grpc::Status(static_cast<grpc::StatusCode>(reply.error().code()),
                        reply.error().message(), reply.error().SerializeAsString());
  }

  void OnEnd(const grpc::Status& status) {
    stream_ = nullptr;
    std::deque<Waiting> left;
    left.swap(commands_);
    sent_ = 0;
    first_ = 1;
    // In good order or not, of these nothing is known.
    const grpc::Status why =
        status.ok() ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "the session has ended") : status;
    for (const Waiting& one : left) {
      if (one.done != nullptr) one.done(why, Reply());
    }
    on_end_(status);
  }

  void Expire() {
    timing_ = false;
    const int64_t now = Loop::Micros();
    size_t due = 0;  // In the order they came, which is that of their times.
    std::vector<Done> expired;
    for (; due < commands_.size() && commands_[due].due_micros <= now; ++due) {
      if (commands_[due].done != nullptr)
        expired.push_back(std::exchange(commands_[due].done, nullptr));
    }
    if (due > sent_) {
      commands_.erase(commands_.begin() + static_cast<ptrdiff_t>(sent_),
                      commands_.begin() + static_cast<ptrdiff_t>(due));
    }
    Trim();
    if (!commands_.empty()) {
      timing_ = true;
      loop_.PostAfter(Span{commands_.front().due_micros - now}, [this] { Expire(); });
    }
    for (const Done& done : expired) {
      done(grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "no reply in time"), Reply());
    }
  }

  // Lets go of what is replied to, as far as no other is before it.
  void Trim() {
    for (; sent_ > 0 && commands_.front().done == nullptr; --sent_, ++first_) commands_.pop_front();
  }

  Loop& loop_;
  const ClientOptions options_;
  const Method method_;
  const std::string parent_;
  const std::unique_ptr<v1::SessionService::Stub> stub_;

  std::shared_ptr<TwoWay<Said, Told>> stream_;
  std::function<void(Told&)> on_told_;
  std::function<void(const grpc::Status&)> on_end_;
  std::deque<Waiting>
      commands_;           // First those that were sent in this session, then those that gather.
  size_t sent_ = 0;        // How many were.
  int64_t first_ = 1;      // The session's number of the first of them.
  bool flushing_ = false;  // Flush will run.
  bool timing_ = false;    // Expire will.
  bool closing_ = false;
};

using OwnerSessionClient = SessionClient<v1::OwnerSessionRequest, v1::OwnerSessionResponse>;
using ProviderSessionClient =
    SessionClient<v1::ProviderSessionRequest, v1::ProviderSessionResponse>;

}  // namespace capbroker
