// One session: commands up; replies and news down, as few messages as possible. `Side` says whose
// (session_service.cc).
//
// gRPC's thread reads a message, parses it and hands all its commands to the sequencer at once. The
// sequencer's thread leaves each outcome here, and wakes once for each batch. One task at a time,
// on a pool, renders what has come and writes it; while that is under way the rest collects. What
// bounds a session: commands without a reply that has left, of which there are less than twice
// kMostCommands, and the news that wait, which the feed bounds.
//
// Replies and news are taken together, and of the same batches: so what a message tells of a
// request is never older than what an earlier one told. Only while the present state is being read,
// replies go out as they come.
#pragma once

#include <google/protobuf/arena.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/messages/errors.h"
#include "services/rpc/call.h"
#include "services/rpc/reading.h"
#include "services/rpc/unreadable.h"
#include "services/rpc/watch.h"

namespace capbroker {

// A command from its arrival until its reply is rendered.
struct SessionCommand {
  size_t tag = 0;      // Its place among those of the session; used again.
  int64_t number = 0;  // As the caller counts.
  Method method{};
  std::string subject{};  // As the caller calls it.
  OwnerId owner{};
  uint32_t offer = 0;
  bool is_judged = false;  // By Decide: what it says of fields is not as the message has them.
  absl::StatusOr<Outcome> outcome{};
};

// One that no other session of the process has, on either side.
inline uint64_t NewOrigin() {
  static std::atomic<uint64_t> last = 0;
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

// A message at a time, in memory that is used again for the next.
template <class Message>
class Scratch {
 public:
  Message* Anew() {
    arena_.Reset();
    return google::protobuf::Arena::CreateMessage<Message>(&arena_);
  }

 private:
  static google::protobuf::ArenaOptions OptionsOf(char* block, size_t size) {
    google::protobuf::ArenaOptions options;
    options.initial_block = block;
    options.initial_block_size = size;
    options.max_block_size = 64 * 1024;
    return options;
  }

  alignas(8) std::array<char, 8 * 1024> block_;
  google::protobuf::Arena arena_{OptionsOf(block_.data(), block_.size())};
};

// Of bytes: what gRPC cannot read it tells as if the caller had said its last.
using SessionReactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

template <class Side>
class Session final : public SessionReactor,
                      public Recipient,
                      public std::enable_shared_from_this<Session<Side>> {
 public:
  using In = typename Side::In;
  using Out = typename Side::Out;
  static constexpr int kMostCommands = 1024;  // Of one message; and not read on while so many wait.

  static SessionReactor* Open(Backend& backend, grpc::CallbackServerContext* context) {
    auto session = std::make_shared<Session>(backend, context);
    session->self_ = session;
    session->Begin();
    return session.get();
  }

  Session(Backend& backend, grpc::CallbackServerContext* context)
      : backend_(backend), context_(context), caller_(CallerOf(backend, *context, Side::kMethod)) {}

  bool Take(uint64_t tag, absl::StatusOr<Outcome> outcome) override {
    absl::MutexLock lock(&mutex_);
    commands_[tag].is_judged = true;
    Settle(commands_[tag], std::move(outcome));
    return !std::exchange(giving_, true);
  }

  void Flush() override {
    absl::MutexLock lock(&mutex_);
    giving_ = false;
    Wake();
  }

 private:
  // Of the task that renders and writes.
  enum class State { kWorking, kWaiting, kWriting, kEnded };

  void Begin() {
    backend_.sessions.Open();
    if (!caller_.ok()) return End(caller_.status());
    // So that the session hears of the broker going down before anything is said in it, too.
    news_.emplace(Side::NewsFor(backend_, *caller_, origin_, [weak = this->weak_from_this()] {
      if (const std::shared_ptr<Session> self = weak.lock(); self != nullptr) {
        absl::MutexLock lock(&self->mutex_);
        self->Wake();
      }
    }));
    identity_ = WatchCaller(backend_, *context_, *caller_,
                            [weak = this->weak_from_this()](const absl::Status& status) {
                              if (const std::shared_ptr<Session> self = weak.lock())
                                self->Revoke(status);
                            });
    ReadOn();
    absl::MutexLock lock(&mutex_);
    hearing_--;
    state_ = State::kWaiting;
    Wake();
  }

  // ---------------------------------------------------------------- up
  void ReadOn() { this->StartRead(&in_bytes_); }

  void OnReadDone(bool ok) override {
    bool hears = false;
    {
      absl::MutexLock lock(&mutex_);
      hearing_++;
      if (!ok) said_last_ = true;
      // What was being read when the session's end was decided, such as after a revocation, is not
      // accepted.
      hears = ok && ending_.ok() && !cancelled_;
    }
    if (hears) Hear();
    bool reads = false;
    {
      absl::MutexLock lock(&mutex_);
      reads = ok && ending_.ok() && !cancelled_ && waiting_ < kMostCommands;
      is_full_ = ok && !reads && ending_.ok();
    }
    if (reads) ReadOn();
    absl::MutexLock lock(&mutex_);
    hearing_--;
    if ((!done_.empty() && !giving_) || IsOver()) Wake();
  }

  // What is wrong with the message as a whole.
  absl::Status CheckMessage() {
    if (in_->commands_size() > kMostCommands) {
      return Invalid("commands", Cat(in_->commands_size()), Cat(kMostCommands, " at most"));
    }
    if (!parent_.empty() && (in_->parent().empty() || in_->parent() == parent_))
      return absl::OkStatus();
    if (!parent_.empty()) {
      return Invalid("parent", Quoted(in_->parent()),
                     Cat("the session's, ", parent_, ", or nothing"));
    }
    return Side::CheckParent(*caller_, in_->parent());
  }

  void Hear() {
    in_ = in_scratch_.Anew();
    if (!grpc::SerializationTraits<In>::Deserialize(&in_bytes_, in_).ok())
      return EndWith(Unreadable());
    if (absl::Status status = CheckMessage(); !status.ok()) return EndWith(status);
    if (parent_.empty()) {
      parent_ = in_->parent();
      if (!LetIn()) return;
    }
    const int count = in_->commands_size();
    if (count == 0) return;
    Lend(static_cast<size_t>(count));
    submitting_.clear();
    refused_.clear();
    for (int i = 0; i < count; ++i) {
      SessionCommand& command = *lent_[static_cast<size_t>(i)];
      if (absl::Status status = Read(*in_->mutable_commands(i), command); !status.ok()) {
        refused_.emplace_back(&command, std::move(status));
      }
    }
    if (!submitting_.empty()) {
      const absl::Status status =
          backend_.sequencer.SubmitAll(submitting_, this->shared_from_this());
      absl::MutexLock lock(&mutex_);
      for (const Sequencer::Tagged& left : submitting_) Settle(commands_[left.tag], status);
    }
    absl::MutexLock lock(&mutex_);
    for (auto& [command, status] : refused_) Settle(*command, std::move(status));
  }

  // A message's commands get their numbers, in its order.
  void Lend(size_t count) {
    lent_.clear();
    absl::MutexLock lock(&mutex_);
    for (size_t i = 0; i < count; ++i) {
      if (free_.empty()) {
        commands_.emplace_back();
        commands_.back().tag = commands_.size() - 1;
        free_.push_back(&commands_.back());
      }
      lent_.push_back(free_.back());
      free_.pop_back();
      lent_.back()->number = ++numbered_;
      lent_.back()->is_judged = false;
    }
    waiting_ += static_cast<int>(count);
  }

  template <class Said>
  absl::Status Read(Said& said, SessionCommand& command) {
    absl::Status status;
    const bool is_known = Side::Visit(said, parent_, [&](Method method, auto& in) {
      command.method = method;
      command.subject = SubjectOf(in);
      status = CheckRole(*caller_, method);
      if (!status.ok()) return;
      absl::StatusOr<Command> parsed = Admit(*caller_, method, in);
      if (!parsed.ok()) return (void)(status = parsed.status());
      command.owner = parsed->owner;
      command.offer = NumberOf(*parsed);
      submitting_.push_back(
          {SubmissionOf(*caller_, method, *std::move(parsed), in, backend_.clock.Now()),
           command.tag});
      submitting_.back().submission.origin = origin_;
    });
    if (is_known) return status;
    command.method = Side::kMethod;
    command.subject.clear();
    return Invalid("command", "nothing that is known", "what is to be done");
  }

  // The present state may be read from now on. Only this first step can be turned away: what was
  // let in goes on.
  bool LetIn() ABSL_LOCKS_EXCLUDED(mutex_) {
    if (!backend_.reads.TryRun([self = this->shared_from_this()] {
          absl::MutexLock lock(&self->mutex_);
          self->is_let_in_ = true;
          self->Wake();
        })) {
      EndWith(Refuse(absl::StatusCode::kResourceExhausted, "OVERLOADED", "too many reads wait"));
      return false;
    }
    return true;
  }

  // ---------------------------------------------------------------- between
  void Settle(SessionCommand& command, absl::StatusOr<Outcome> outcome)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    // Of a stream that is gone too: it was decided.
    backend_.sessions.Count(command.method, CodeOf(outcome.status()));
    if (state_ == State::kEnded) return;
    command.outcome = std::move(outcome);
    done_.push_back(&command);
  }

  // Nothing more is read; what is under way is replied to, then the stream ends with this.
  void EndWith(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    if (ending_.ok()) ending_ = status;
  }

  // The caller's credentials are not valid any more.
  void Revoke(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_) {
    EndWith(status);
    absl::MutexLock lock(&mutex_);
    Wake();
  }

  // Not while a message is being heard, which may read on: nothing may be asked of gRPC after the
  // end.
  bool IsOver() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (hearing_ > 0) return false;
    return cancelled_ || (waiting_ == 0 && (said_last_ || !ending_.ok()));
  }

  void Wake() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    woken_ = true;
    if (state_ != State::kWaiting) return;
    state_ = State::kWorking;
    Schedule();
  }

  void Schedule() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (is_let_in_ && news_->IsReading()) {
      backend_.reads.Run([self = this->shared_from_this()] { self->Work(true); });
    } else {
      backend_.news.Run([self = this->shared_from_this()] { self->Work(false); });
    }
  }

  // ---------------------------------------------------------------- down
  void Work(bool may_wait) ABSL_LOCKS_EXCLUDED(mutex_) {
    while (true) {
      {
        absl::MutexLock lock(&mutex_);
        woken_ = false;
        if (IsOver()) break;
        if (is_let_in_ && news_->IsReading() && !may_wait) return Schedule();
      }
      out_ = out_scratch_.Anew();
      if (Fill()) return Send();
      absl::MutexLock lock(&mutex_);
      if (woken_ || IsOver()) continue;
      state_ = State::kWaiting;
      return;
    }
    absl::Status status;
    {
      absl::MutexLock lock(&mutex_);
      status = cancelled_ ? absl::CancelledError("the caller is gone") : ending_;
    }
    End(status);
  }

  // False if there is nothing to say.
  bool Fill() {
    while (true) {
      const Collected collected = Collect();
      const size_t left = RenderReplies();
      if (collected.reads) {
        if (absl::Status status = news_->Read(ShownIn(out_)); !status.ok()) {
          EndWith(status);
        } else {
          out_->set_synced(!news_->IsReading());
          return true;
        }
      } else if (!collected.news.ok()) {
        EndWith(collected.news.status());
      } else {
        if (!collected.news->empty() && collected.tells) news_->Add(*collected.news);
        if (news_->HasMore() && left > 0) news_->Tell(left, ShownIn(out_));
      }
      if (out_->replies_size() > 0 || ShownIn(out_)->size() > 0) return true;
      // Nobody is woken for what comes upon something, the end of the news among it.
      if (!collected.news.ok() || collected.news->empty()) return false;
    }
  }

  struct Collected {
    bool reads = false;
    bool tells =
        true;  // The news are to be told: there is no present state to come that they are in.
    absl::StatusOr<Changes> news = Changes();
  };
  // What is to be told next, unless there is still something of what was collected before.
  Collected Collect() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    Collected collected;
    collected.reads = is_let_in_ && news_->IsReading() && ending_.ok();
    if (rendered_ < telling_.size() || news_->HasMore()) return collected;
    if (is_let_in_ && (news_->IsReading() || giving_)) {
      // While a batch is being given, its replies wait for its news.
      if (news_->IsReading()) Swap();
      return collected;
    }
    Swap();
    collected.news = news_->Take();
    collected.tells = is_let_in_;
    return collected;
  }

  void Swap() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    telling_.clear();
    rendered_ = 0;
    telling_.swap(done_);
  }

  // How many bytes are left for news.
  size_t RenderReplies() ABSL_LOCKS_EXCLUDED(mutex_) {
    size_t left = kMessageBytes;
    const size_t from = rendered_;
    const Instant now = backend_.clock.Now();
    while (rendered_ < telling_.size() && left > 0) {
      SessionCommand& command = *telling_[rendered_++];
      auto* reply = out_->add_replies();
      reply->set_command(command.number);
      if (command.outcome.ok()) {
        Side::Render(command, now, reply);
        left -= std::min(left, kReplyBytes);
      } else {
        const absl::Status& why = command.outcome.status();
        const absl::Status said = command.is_judged ? AsSaid(command.method, command.subject, why)
                                                    : Named(command.subject, why);
        LogRefusal(backend_, command.method, caller_, *context_, said);
        *reply->mutable_error() = ToRpc(said);
        left -= std::min(left, reply->ByteSizeLong());
      }
      command.outcome = absl::UnknownError("");  // Let go here, and not on the sequencer's thread.
    }
    if (rendered_ == from) return left;
    bool reads = false;
    {
      absl::MutexLock lock(&mutex_);
      free_.insert(free_.end(), telling_.begin() + static_cast<ptrdiff_t>(from),
                   telling_.begin() + static_cast<ptrdiff_t>(rendered_));
      waiting_ -= static_cast<int>(rendered_ - from);
      reads = is_full_ && waiting_ < kMostCommands && ending_.ok() && !cancelled_;
      if (reads) is_full_ = false;
    }
    if (reads) ReadOn();
    return left;
  }

  void Send() ABSL_LOCKS_EXCLUDED(mutex_) {
    {
      absl::MutexLock lock(&mutex_);
      state_ = State::kWriting;
    }
    bool owned = false;
    out_bytes_.Clear();
    grpc::SerializationTraits<Out>::Serialize(*out_, &out_bytes_, &owned);
    this->StartWrite(&out_bytes_);  // Not under the lock: OnWriteDone may run at once.
  }

  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&mutex_);
    if (!ok) cancelled_ = true;
    // What came before the message was made need not be in it, and wakes nobody again.
    const bool has_more = woken_ || IsOver() || (!done_.empty() && !giving_) ||
                          rendered_ < telling_.size() || news_->IsReading() || !news_->IsEmpty();
    state_ = has_more ? State::kWorking : State::kWaiting;
    if (has_more) Schedule();
  }

  void OnCancel() override {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
    Wake();
  }

  // By the task alone, or before there is one.
  void End(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_) {
    {
      absl::MutexLock lock(&mutex_);
      state_ = State::kEnded;
    }
    if (!status.ok() && status.code() != absl::StatusCode::kCancelled) {
      LogRefusal(backend_, Side::kMethod, caller_, *context_, status);
    }
    this->Finish(ToGrpc(status));
  }

  // The sequencer may hold it a while longer, for commands that are under way.
  void OnDone() override {
    backend_.sessions.Close();
    identity_.reset();
    news_.reset();
    const std::shared_ptr<Session> last = std::move(self_);
  }

  static constexpr size_t kReplyBytes = 256;  // More than one that is no error has.

  Backend& backend_;
  grpc::CallbackServerContext* const context_;
  const absl::StatusOr<Actor> caller_;
  const uint64_t origin_ = NewOrigin();
  std::shared_ptr<void> identity_;  // Told of its end.
  std::shared_ptr<Session> self_;   // gRPC's hold on it.

  // Of the one who hears, gRPC's thread.
  grpc::ByteBuffer in_bytes_;
  Scratch<In> in_scratch_;
  In* in_ = nullptr;
  std::string parent_;
  int64_t numbered_ = 0;
  std::vector<SessionCommand*> lent_;
  std::vector<Sequencer::Tagged> submitting_;
  std::vector<std::pair<SessionCommand*, absl::Status>> refused_;

  // Of the task.
  std::optional<typename Side::News> news_;
  Scratch<Out> out_scratch_;
  Out* out_ = nullptr;
  grpc::ByteBuffer out_bytes_;
  std::vector<SessionCommand*> telling_;
  size_t rendered_ = 0;  // Of them.

  absl::Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kWorking;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_let_in_ ABSL_GUARDED_BY(mutex_) = false;
  bool said_last_ ABSL_GUARDED_BY(mutex_) = false;  // The caller has.
  bool is_full_ ABSL_GUARDED_BY(mutex_) = false;    // Nothing is being read, because too many wait.
  bool giving_ ABSL_GUARDED_BY(mutex_) = false;     // A batch: Flush has not come yet.
  int hearing_ ABSL_GUARDED_BY(mutex_) = 1;         // Who may still read on.
  int waiting_ ABSL_GUARDED_BY(mutex_) = 0;         // Commands whose replies were not rendered.
  absl::Status ending_ ABSL_GUARDED_BY(mutex_);     // What the stream ends with, if not OK.
  std::deque<SessionCommand> commands_ ABSL_GUARDED_BY(mutex_);  // A pointer to one stays good.
  std::vector<SessionCommand*> free_ ABSL_GUARDED_BY(mutex_);
  std::vector<SessionCommand*> done_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace capbroker
