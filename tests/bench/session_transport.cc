#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "broker/values/text.h"
#include "capbroker/v1/session_service.pb.h"
#include "tests/bench/stream.h"
#include "tests/bench/transports.h"
#include "tests/bench/wire.h"

namespace capbroker::bench {
namespace {

const std::string kOwnerSession = "/capbroker.v1.SessionService/OwnerSession";
const std::string kProviderSession = "/capbroker.v1.SessionService/ProviderSession";
constexpr size_t kMostCommands = 1024;  // Of one message.

// Commands that wait for their reply, by the number that the session gives them. Replies keep no
// order.
template <class T>
class Awaited {
 public:
  void Push(T value) { waiting_.push_back({std::move(value), true}); }
  // Aborts on a number that waits for nothing: no reply after it could be trusted.
  T Take(uint64_t number) {
    if (number < first_ || number - first_ >= waiting_.size() || !waiting_[number - first_].second)
      std::abort();
    auto& [value, waits] = waiting_[number - first_];
    T taken = std::move(value);
    waits = false;
    for (; !waiting_.empty() && !waiting_.front().second; ++first_) waiting_.pop_front();
    return taken;
  }

 private:
  std::deque<std::pair<T, bool>> waiting_;
  uint64_t first_ = 1;
};

class Session;

// What both kinds of session have in common: commands gather until the stream can write.
class SessionStream : public Stream {
 public:
  SessionStream(Session& session, grpc::GenericStub& stub, const std::string& method,
                const std::string& token);
  void OpenFor(const std::string& parent) {
    std::string first;
    AppendBytes(first, 1, parent);
    Open(first, false);
  }
  void Flush();

 protected:
  // Where the next command is appended.
  std::string& Room();
  void OnWritten() override { Flush(); }
  void OnEnd(const grpc::Status& status) override;
  void SetSynced();
  bool IsSynced() const { return synced_; }  // What is told from now on is a change.

  Session& session_;

 private:
  struct Message {
    std::string commands;
    size_t count = 0;
  };
  std::deque<Message> ready_;
  std::string spare_;
  bool synced_ = false;
};

class OwnerStream final : public SessionStream {
 public:
  OwnerStream(Session& session, grpc::GenericStub& stub, const std::string& token,
              CreateMessage message)
      : SessionStream(session, stub, kOwnerSession, token), message_(std::move(message)) {}
  void Create(uint32_t lifecycle);

 private:
  void OnMessage(std::string_view message) override;
  const CreateMessage message_;
  Awaited<uint32_t> awaited_;
};

class DeskStream final : public SessionStream {
 public:
  DeskStream(Session& session, grpc::GenericStub& stub, const std::string& token, int desk)
      : SessionStream(session, stub, kProviderSession, token), desk_(desk) {}
  void Answer(uint32_t answer, const Move& move, std::string_view offer,
              std::string_view terms_hash);

 private:
  void OnMessage(std::string_view message) override;
  const int desk_;
  Awaited<uint32_t> awaited_;
};

class Session final : public Transport {
 public:
  Session(const Plan& plan, grpc::CompletionQueue& its_queue, Lifecycles& its_lifecycles)
      : queue(its_queue), lifecycles(its_lifecycles) {
    std::vector<grpc::GenericStub*> stubs;
    for (uint32_t i = 0; i < plan.channels; ++i) stubs.push_back(AddStub(plan));
    for (uint32_t i = 0; i < plan.owners; ++i) {
      const std::string name = OwnerName(plan, i);
      owners_.push_back(std::make_unique<OwnerStream>(*this, *stubs[i % stubs.size()],
                                                      TokenOf(plan, "owner-" + name),
                                                      CreateMessage(name, plan.desks[1])));
      owners_.back()->OpenFor("owners/" + name);
    }
    for (int i = 0; i < kDesks && plan.mix != Mix::kOpen; ++i) {
      const std::string& name = plan.desks[i];
      desks_[i] =
          std::make_unique<DeskStream>(*this, *AddStub(plan), TokenOf(plan, "provider-" + name), i);
      desks_[i]->OpenFor("providers/" + name);
    }
  }

  void Create(uint32_t owner, uint32_t lifecycle) override { owners_[owner]->Create(lifecycle); }
  void Answer(uint32_t answer, int desk, const Move& move, std::string_view offer,
              std::string_view terms_hash) override {
    desks_[desk]->Answer(answer, move, offer, terms_hash);
  }
  void Flush() override {
    for (SessionStream* stream : gathering) stream->Flush();
    gathering.clear();
  }
  bool IsReady() const override { return synced == streams(); }
  void Stop() override {
    stopped = true;
    for (const auto& owner : owners_) owner->Cancel();
    for (const auto& desk : desks_) {
      if (desk != nullptr) desk->Cancel();
    }
  }
  bool IsStopped() const override { return ended == streams(); }
  uint64_t messages() const override { return sent; }
  uint64_t commands() const override { return commanded; }

  // What the streams share.
  grpc::CompletionQueue& queue;
  Lifecycles& lifecycles;
  KeySource keys;
  std::vector<SessionStream*> gathering;  // Streams that have something to send, each once or more.
  size_t synced = 0, ended = 0;           // Numbers of streams.
  uint64_t sent = 0, commanded = 0;
  bool stopped = false;

 private:
  size_t streams() const { return owners_.size() + (desks_[0] != nullptr ? kDesks : 0); }
  grpc::GenericStub* AddStub(const Plan& plan) {
    return stubs_.emplace_back(std::make_unique<grpc::GenericStub>(Connect(plan.target))).get();
  }

  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
  std::vector<std::unique_ptr<OwnerStream>> owners_;
  std::unique_ptr<DeskStream> desks_[kDesks];
};

SessionStream::SessionStream(Session& session, grpc::GenericStub& stub, const std::string& method,
                             const std::string& token)
    : Stream(stub, session.queue, method, token), session_(session) {}

std::string& SessionStream::Room() {
  ++session_.commanded;
  if (ready_.empty() || ready_.back().count == kMostCommands) {
    ready_.push_back({std::move(spare_), 0});
    spare_.clear();
    ready_.back().commands.clear();
    session_.gathering.push_back(this);
  }
  ++ready_.back().count;
  return ready_.back().commands;
}

void SessionStream::Flush() {
  if (ready_.empty() || IsWriting() || session_.stopped) return;
  ++session_.sent;
  Send(ready_.front().commands);
  spare_ = std::move(ready_.front().commands);
  ready_.pop_front();
}

void SessionStream::OnEnd(const grpc::Status& status) {
  ++session_.ended;
  if (!session_.stopped) {
    session_.lifecycles.Fail(Cat("a session ended: ", static_cast<int>(status.error_code()), " ",
                                 status.error_message()));
  }
}

void SessionStream::SetSynced() {
  synced_ = true;
  ++session_.synced;
}

void OwnerStream::Create(uint32_t lifecycle) {
  message_.AppendCommand(Room(), session_.keys.Next());
  awaited_.Push(lifecycle);
}

void OwnerStream::OnMessage(std::string_view message) {
  const int64_t now = Now();
  for (FieldReader field(message); field.Next();) {
    if (field.number() == v1::OwnerSessionResponse::kSyncedFieldNumber) SetSynced();
    if (field.number() == v1::OwnerSessionResponse::kCapacityRequestsFieldNumber && IsSynced()) {
      session_.lifecycles.Told(field.bytes(), now);
    }
    if (field.number() != v1::OwnerSessionResponse::kRepliesFieldNumber) continue;
    Ending ending;
    std::string_view name;
    uint64_t command = 0;
    for (FieldReader reply(field.bytes()); reply.Next();) {
      if (reply.number() == v1::OwnerReply::kCommandFieldNumber) command = reply.value();
      if (reply.number() == v1::OwnerReply::kErrorFieldNumber) ending = ReadStatus(reply.bytes());
      if (reply.number() == v1::OwnerReply::kCapacityRequestFieldNumber) name = reply.bytes();
    }
    session_.lifecycles.Created(awaited_.Take(command), ending, name, now);
  }
}

void DeskStream::Answer(uint32_t answer, const Move& move, std::string_view offer,
                        std::string_view terms_hash) {
  AppendAnswerCommand(Room(), move, offer, terms_hash, session_.keys.Next());
  awaited_.Push(answer);
}

void DeskStream::OnMessage(std::string_view message) {
  const int64_t now = Now();
  for (FieldReader field(message); field.Next();) {
    if (field.number() == v1::ProviderSessionResponse::kSyncedFieldNumber) SetSynced();
    if (field.number() == v1::ProviderSessionResponse::kOffersFieldNumber && IsSynced()) {
      session_.lifecycles.Offered(desk_, field.bytes(), now);
    }
    if (field.number() != v1::ProviderSessionResponse::kRepliesFieldNumber) continue;
    Ending ending;
    uint64_t command = 0, state = 0;
    int64_t accepted = 0;
    for (FieldReader reply(field.bytes()); reply.Next();) {
      if (reply.number() == v1::ProviderReply::kCommandFieldNumber) command = reply.value();
      if (reply.number() == v1::ProviderReply::kErrorFieldNumber)
        ending = ReadStatus(reply.bytes());
      if (reply.number() == v1::ProviderReply::kStateFieldNumber) state = reply.value();
      if (reply.number() == v1::ProviderReply::kAcceptedQuantityFieldNumber) {
        accepted = static_cast<int64_t>(reply.value());
      }
    }
    session_.lifecycles.Answered(awaited_.Take(command), ending, state, accepted, now);
  }
}

}  // namespace

std::unique_ptr<Transport> MakeSession(const Plan& plan, grpc::CompletionQueue& queue,
                                       Lifecycles& lifecycles) {
  return std::make_unique<Session>(plan, queue, lifecycles);
}

}  // namespace capbroker::bench
