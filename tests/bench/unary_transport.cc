#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/values/text.h"
#include "capbroker/v1/capacity_request.pb.h"
#include "tests/bench/stream.h"
#include "tests/bench/transports.h"
#include "tests/bench/wire.h"

namespace capbroker::bench {
namespace {

const std::string kCreate = "/capbroker.v1.CapacityRequestService/CreateCapacityRequest";
const std::string kWatchRequests = "/capbroker.v1.CapacityRequestService/WatchCapacityRequests";
const std::string kAccept = "/capbroker.v1.OfferService/AcceptOffer";
const std::string kDecline = "/capbroker.v1.OfferService/DeclineOffer";
const std::string kWatchOffers = "/capbroker.v1.OfferService/WatchOffers";

class Unary final : public Transport {
 public:
  Unary(const Plan& plan, grpc::CompletionQueue& queue, Lifecycles& lifecycles)
      : queue_(queue), lifecycles_(lifecycles) {
    for (uint32_t i = 0; i < plan.channels; ++i) channels_.push_back(AddStub(plan));
    for (uint32_t i = 0; i < plan.owners; ++i) {
      const std::string name = OwnerName(plan, i);
      owners_.push_back({TokenOf(plan, "owner-" + name), CreateMessage(name, plan.desks[1])});
      Watch(*channels_[i % channels_.size()], kWatchRequests, owners_[i].token, "owners/" + name,
            -1);
    }
    for (int i = 0; i < kDesks && plan.mix != Mix::kOpen; ++i) {
      const std::string& name = plan.desks[i];
      desks_[i] = {AddStub(plan), TokenOf(plan, "provider-" + name)};
      Watch(*desks_[i].stub, kWatchOffers, desks_[i].token, "providers/" + name, i);
    }
  }

  void Create(uint32_t owner, uint32_t lifecycle) override {
    bytes_.clear();
    owners_[owner].message.AppendCall(bytes_, keys_.Next());
    Call& call = TakeCall();
    call.number = lifecycle;
    call.is_answer = false;
    call.Start(*channels_[lifecycle % channels_.size()], owners_[owner].token, kCreate, bytes_);
  }
  void Answer(uint32_t answer, int desk, const Move& move, std::string_view offer,
              std::string_view terms_hash) override {
    bytes_.clear();
    AppendAnswer(bytes_, move, offer, terms_hash, keys_.Next());
    Call& call = TakeCall();
    call.number = answer;
    call.is_answer = true;
    call.Start(*desks_[desk].stub, desks_[desk].token,
               move.kind == Move::Kind::kDecline ? kDecline : kAccept, bytes_);
  }
  void Flush() override {}
  bool IsReady() const override { return synced_ == watches_.size(); }
  void Stop() override {
    stopped_ = true;
    for (const auto& watch : watches_) watch->Cancel();
    for (const auto& call : calls_) {
      if (call->context) call->context->TryCancel();
    }
  }
  bool IsStopped() const override { return ended_ == watches_.size(); }
  uint64_t messages() const override { return commands_; }
  uint64_t commands() const override { return commands_; }

 private:
  struct Owner {
    std::string token;
    CreateMessage message;
  };
  struct Desk {
    grpc::GenericStub* stub = nullptr;
    std::string token;
  };

  struct Call final : Event {
    explicit Call(Unary& in) : unary(in) {}
    void Start(grpc::GenericStub& stub, const std::string& token, const std::string& method,
               std::string_view message) {
      context.emplace();
      Identify(*context, token);
      reader = stub.PrepareUnaryCall(&*context, method, BufferOf(message), &unary.queue_);
      reader->StartCall();
      reader->Finish(&reply, &status, this);
    }
    void Done(bool) override { unary.OnDone(*this); }

    Unary& unary;
    std::optional<grpc::ClientContext> context;
    std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
    grpc::ByteBuffer reply;
    grpc::Status status;
    uint32_t number = 0;  // The number of the lifecycle or of the answer.
    bool is_answer = false;
  };

  class WatchStream final : public Stream {
   public:
    WatchStream(Unary& unary, grpc::GenericStub& stub, const std::string& method,
                const std::string& token, int desk)
        : Stream(stub, unary.queue_, method, token), unary_(unary), desk_(desk) {}

   private:
    void OnMessage(std::string_view message) override {
      const int64_t now = Now();
      for (FieldReader field(message); field.Next();) {
        if (field.number() == 2) {
          synced_ = true;
          ++unary_.synced_;
        } else if (synced_ && desk_ < 0) {
          unary_.lifecycles_.Told(field.bytes(), now);
        } else if (synced_) {
          unary_.lifecycles_.Offered(desk_, field.bytes(), now);
        }
      }
    }
    void OnEnd(const grpc::Status& status) override {
      ++unary_.ended_;
      if (!unary_.stopped_) unary_.lifecycles_.Fail(Cat("a watch ended: ", status.error_message()));
    }

    Unary& unary_;
    const int desk_;
    bool synced_ = false;
  };

  grpc::GenericStub* AddStub(const Plan& plan) {
    return stubs_.emplace_back(std::make_unique<grpc::GenericStub>(Connect(plan.target))).get();
  }
  void Watch(grpc::GenericStub& stub, const std::string& method, const std::string& token,
             const std::string& parent, int desk) {
    bytes_.clear();
    AppendBytes(bytes_, 1, parent);
    watches_.push_back(std::make_unique<WatchStream>(*this, stub, method, token, desk));
    watches_.back()->Open(bytes_, true);
  }
  Call& TakeCall() {
    ++commands_;
    if (free_.empty()) free_.push_back(calls_.emplace_back(std::make_unique<Call>(*this)).get());
    Call& call = *free_.back();
    free_.pop_back();
    return call;
  }
  void OnDone(Call& call) {
    const int64_t now = Now();
    const Ending ending = EndingOf(call.status);
    const Received reply(call.reply);
    const uint32_t number = call.number;
    const bool is_answer = call.is_answer;
    // The code that follows may start another call in this one's place.
    call.reader.reset();
    call.context.reset();
    call.status = grpc::Status();
    call.reply.Clear();
    free_.push_back(&call);
    if (stopped_) return;
    if (is_answer) {
      const ToldOffer offer = ReadOffer(reply.view());
      return lifecycles_.Answered(number, ending, offer.state, offer.accepted, now);
    }
    FieldReader field(reply.view());
    const bool is_named = field.Next() && field.number() == v1::CapacityRequest::kNameFieldNumber;
    lifecycles_.Created(number, ending, is_named ? field.bytes() : std::string_view(), now);
  }

  grpc::CompletionQueue& queue_;
  Lifecycles& lifecycles_;
  KeySource keys_;
  std::string bytes_;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
  std::vector<grpc::GenericStub*>
      channels_;  // The owners' channels: a call takes the one that its lifecycle's number selects.
  std::vector<Owner> owners_;
  Desk desks_[kDesks];
  std::vector<std::unique_ptr<WatchStream>> watches_;
  std::vector<std::unique_ptr<Call>> calls_;
  std::vector<Call*> free_;
  size_t synced_ = 0, ended_ = 0;  // Numbers of watches.
  uint64_t commands_ = 0;
  bool stopped_ = false;
};

}  // namespace

std::unique_ptr<Transport> MakeUnary(const Plan& plan, grpc::CompletionQueue& queue,
                                     Lifecycles& lifecycles) {
  return std::make_unique<Unary>(plan, queue, lifecycles);
}

}  // namespace capbroker::bench
