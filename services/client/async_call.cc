#include "services/client/async_call.h"

#include <algorithm>

namespace capbroker {

bool IsRetryable(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return true;
    default:
      return false;
  }
}

Span RetryBackoff(int failures) {
  return {std::min<int64_t>(50'000LL << std::min(failures, 10), 2'000'000)};
}

void ResetBackoff(grpc::Channel& channel) {
  grpc::experimental::ChannelResetConnectionBackoff(&channel);
}

}  // namespace capbroker
