// One call of the API that is answered by many messages, for a reader that waits: as bytes,
// whatever they mean.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/client_callback.h>

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace capbroker {

// The next message is asked for when the last was taken: a reader that is slow is slow to the
// broker too.
class CallStream final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  // Calls `method` ("/capbroker.v1.OfferService/WatchOffers") with one message. `context` has what
  // it is to bring.
  static std::shared_ptr<CallStream> Open(grpc::GenericStub& stub, const std::string& method,
                                          std::unique_ptr<grpc::ClientContext> context,
                                          grpc::ByteBuffer message);

  enum class Step {
    kMessage,  // `out` has it.
    kNothing,  // Not within `patience`.
    kEnd,      // There are no more; `status` says why.
  };
  // By one thread.
  Step Next(absl::Duration patience, grpc::ByteBuffer* out) ABSL_LOCKS_EXCLUDED(mutex_);
  // After kEnd.
  grpc::Status status() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Nobody will ask for more. Once.
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  CallStream(std::unique_ptr<grpc::ClientContext> context, grpc::ByteBuffer message);
  void OnReadDone(bool ok) override ABSL_LOCKS_EXCLUDED(mutex_);
  void OnDone(const grpc::Status& status) override ABSL_LOCKS_EXCLUDED(mutex_);

  const std::unique_ptr<grpc::ClientContext> context_;
  const grpc::ByteBuffer request_;
  std::shared_ptr<CallStream> self_;  // gRPC's hold on it.
  grpc::ByteBuffer incoming_;         // gRPC's while it reads.

  mutable absl::Mutex mutex_;
  bool reading_ ABSL_GUARDED_BY(mutex_) = true;
  bool read_all_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace capbroker
