#include "services/console/call_stream.h"

#include <utility>

namespace capbroker {

CallStream::CallStream(std::unique_ptr<grpc::ClientContext> context, grpc::ByteBuffer message)
    : context_(std::move(context)), request_(std::move(message)) {}

std::shared_ptr<CallStream> CallStream::Open(grpc::GenericStub& stub, const std::string& method,
                                             std::unique_ptr<grpc::ClientContext> context,
                                             grpc::ByteBuffer message) {
  std::shared_ptr<CallStream> stream(new CallStream(std::move(context), std::move(message)));
  stream->self_ = stream;
  stub.PrepareBidiStreamingCall(stream->context_.get(), method, {}, stream.get());
  stream->AddHold();  // Reads are begun outside of gRPC's own threads: it must not be done between
                      // two of them.
  stream->StartWriteLast(&stream->request_, {});
  stream->StartRead(&stream->incoming_);
  stream->StartCall();
  return stream;
}

CallStream::Step CallStream::Next(absl::Duration patience, grpc::ByteBuffer* out) {
  {
    absl::MutexLock lock(&mutex_);
    const auto is_something = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return done_ || (!reading_ && !read_all_);
    };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&is_something), patience)) return Step::kNothing;
    if (done_) return Step::kEnd;
    reading_ = true;
  }
  out->Swap(&incoming_);
  incoming_.Clear();
  StartRead(&incoming_);
  return Step::kMessage;
}

grpc::Status CallStream::status() const {
  absl::MutexLock lock(&mutex_);
  return status_;
}

void CallStream::Close() {
  context_->TryCancel();
  bool held = false;
  {
    absl::MutexLock lock(&mutex_);
    held = !reading_ && !read_all_;  // Else the end of the read lets go.
    read_all_ = true;
  }
  if (held) RemoveHold();
}

void CallStream::OnReadDone(bool ok) {
  bool held = false;
  {
    absl::MutexLock lock(&mutex_);
    reading_ = false;
    held = !ok || read_all_;
    if (held) read_all_ = true;
  }
  if (held) RemoveHold();
}

void CallStream::OnDone(const grpc::Status& status) {
  const std::shared_ptr<CallStream> last = std::move(self_);
  absl::MutexLock lock(&mutex_);
  done_ = true;
  status_ = status;
}

}  // namespace capbroker
