// gRPC streams on one completion queue and one thread, in bytes. The load clients and the echo are
// built on them.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>

#include <memory>
#include <string>
#include <string_view>

namespace capbroker::bench {

// The tag of a completion queue's operation.
class Event {
 public:
  virtual ~Event() = default;
  virtual void Done(bool ok) = 0;
};

// A connection of its own to this machine, in plain text and without gRPC's retries.
std::shared_ptr<grpc::Channel> Connect(const std::string& target);
// Adds the bearer token of the caller.
void Identify(grpc::ClientContext& context, const std::string& token);

// A bidirectional stream, or one that only reads after its first message. Events come through the
// virtual functions, on the queue's thread.
class Stream {
 public:
  Stream(grpc::GenericStub& stub, grpc::CompletionQueue& queue, const std::string& method,
         const std::string& token);
  virtual ~Stream() = default;

  // `first` is the first message; `last` says that it is the only one.
  void Open(std::string_view first, bool last);
  // Not while IsWriting.
  void Send(std::string_view message);
  bool IsWriting() const { return writing_; }
  // From the message after the one being told, and for good.
  void StopReading() { reads_ = false; }
  void Cancel() { context_.TryCancel(); }

 protected:
  virtual void OnMessage(std::string_view message) = 0;
  virtual void OnWritten() {}
  virtual void OnEnd(const grpc::Status& status) = 0;

 private:
  template <void (Stream::*kThen)(bool)>
  class Then final : public Event {
   public:
    explicit Then(Stream& stream) : stream_(stream) {}
    void Done(bool ok) override { (stream_.*kThen)(ok); }

   private:
    Stream& stream_;
  };
  void Started(bool ok);
  void Written(bool ok);
  void Read(bool ok);
  void Ended(bool ok);

  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  grpc::ByteBuffer first_, in_;
  bool last_ = false, reads_ = true;
  bool writing_ = true;
  grpc::Status status_;
  Then<&Stream::Started> started_{*this};
  Then<&Stream::Written> written_{*this};
  Then<&Stream::Read> read_{*this};
  Then<&Stream::Ended> ended_{*this};
};

}  // namespace capbroker::bench
