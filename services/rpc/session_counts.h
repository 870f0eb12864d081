// Counters of open sessions and of the outcomes of their commands. They are atomics, since a
// command ends on the sequencer's thread.
#pragma once

#include <grpcpp/support/status.h>

#include <array>
#include <atomic>
#include <cstdint>

#include "services/access/guard.h"

namespace capbroker {

class SessionCounts {
 public:
  static constexpr size_t kCodes = static_cast<size_t>(grpc::StatusCode::UNAUTHENTICATED) + 1;

  void Open() { open_.fetch_add(1, std::memory_order_relaxed); }
  void Close() { open_.fetch_sub(1, std::memory_order_relaxed); }
  void Count(Method method, grpc::StatusCode code) {
    commands_[static_cast<size_t>(method)][static_cast<size_t>(code)].fetch_add(
        1, std::memory_order_relaxed);
  }

  int64_t open() const { return open_.load(std::memory_order_relaxed); }
  // Since the process started.
  uint64_t commands(Method method, size_t code) const {
    return commands_[static_cast<size_t>(method)][code].load(std::memory_order_relaxed);
  }

 private:
  std::atomic<int64_t> open_ = 0;
  std::array<std::array<std::atomic<uint64_t>, kCodes>, kMethods> commands_{};
};

}  // namespace capbroker
