// Keeps a watch or a session open: opens it again after a break, with exponential backoff.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/support/status.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "services/concurrency/event_loop.h"

namespace capbroker {

// Everything runs on the loop.
class ReopeningStream {
 public:
  // `loop` outlives this, which outlives the loop's run.
  ReopeningStream(EventLoop& loop, std::shared_ptr<grpc::Channel> channel);

  // Opens the stream, whose owner reports what becomes of it by OnSynced and OnEnd.
  std::function<void()> open;
  // The stream ended with an error that a retry does not mend: see failure().
  std::function<void()> on_failure = [] {};

  // `synced` runs once, when the first snapshot is complete.
  void Start(std::function<void()> synced);
  void Stop() { stopping_ = true; }

  // The stream has shown its snapshot.
  void OnSynced();
  void OnEnd(const grpc::Status& status);
  void Fail(const grpc::Status& status);

  bool is_stopping() const { return stopping_; }
  bool is_synced() const { return is_synced_; }  // This stream has shown its snapshot.
  int64_t opened() const { return opened_; }     // Streams so far: the number of this one, from 1.
  const grpc::Status& failure() const { return failure_; }  // OK while it runs.

 private:
  void Open();

  EventLoop& loop_;
  const std::shared_ptr<grpc::Channel> channel_;
  std::function<void()> synced_;
  bool stopping_ = false;
  bool is_synced_ = false;
  int64_t opened_ = 0;
  int64_t opened_micros_ = 0;  // When this stream opened.
  int failures_ = 0;           // Consecutive failures.
  grpc::Status failure_;
};

}  // namespace capbroker
