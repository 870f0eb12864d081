#include "tests/bench/stream.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include "tests/bench/wire.h"

namespace capbroker::bench {

std::shared_ptr<grpc::Channel> Connect(const std::string& target) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

void Identify(grpc::ClientContext& context, const std::string& token) {
  if (!token.empty()) context.AddMetadata("authorization", token);
}

Stream::Stream(grpc::GenericStub& stub, grpc::CompletionQueue& queue, const std::string& method,
               const std::string& token) {
  Identify(context_, token);
  call_ = stub.PrepareCall(&context_, method, &queue);
}

void Stream::Open(std::string_view first, bool last) {
  first_ = BufferOf(first);
  last_ = last;
  call_->StartCall(&started_);
}

void Stream::Started(bool ok) {
  if (!ok) return call_->Finish(&status_, &ended_);
  grpc::WriteOptions options;
  if (last_) options.set_last_message();
  call_->Write(first_, options, &written_);
  call_->Read(&in_, &read_);
}

void Stream::Send(std::string_view message) {
  writing_ = true;
  call_->Write(BufferOf(message), &written_);
}

void Stream::Written(bool ok) {
  if (!ok || last_) return;  // The reader of a broken stream is told.
  writing_ = false;
  OnWritten();
}

void Stream::Read(bool ok) {
  if (!ok) return call_->Finish(&status_, &ended_);
  {
    const Received message(in_);
    OnMessage(message.view());
  }
  if (reads_) call_->Read(&in_, &read_);
}

void Stream::Ended(bool) { OnEnd(status_); }

}  // namespace capbroker::bench
