#include "services/workload/reopening_stream.h"

#include <utility>

#include "services/client/async_call.h"

namespace capbroker {

ReopeningStream::ReopeningStream(EventLoop& loop, std::shared_ptr<grpc::Channel> channel)
    : loop_(loop), channel_(std::move(channel)) {}

void ReopeningStream::Start(std::function<void()> synced) {
  synced_ = std::move(synced);
  loop_.Post([this] { Open(); });
}

void ReopeningStream::Open() {
  if (stopping_) return;
  ++opened_;
  is_synced_ = false;
  opened_micros_ = EventLoop::NowMicros();
  open();
}

void ReopeningStream::OnSynced() {
  is_synced_ = true;
  if (synced_) std::exchange(synced_, nullptr)();
}

void ReopeningStream::OnEnd(const grpc::Status& status) {
  if (stopping_) return;
  // A stream that the broker ended in good order is opened again as well: it has no end of its own.
  if (!status.ok() && !IsRetryable(status)) return Fail(status);
  // A broker that is coming back may show the snapshot and end the stream again. Only a stream that
  // has lasted resets the backoff.
  if (EventLoop::NowMicros() - opened_micros_ > RetryBackoff(failures_).micros) failures_ = 0;
  loop_.PostAfter(RetryBackoff(failures_++), [this] {
    ResetBackoff(*channel_);
    Open();
  });
}

void ReopeningStream::Fail(const grpc::Status& status) {
  failure_ = status;
  on_failure();
}

}  // namespace capbroker
