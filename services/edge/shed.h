// Why a connection was not taken, or was closed by the broker before its time; and how many there
// are.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace capbroker {

enum class Shed {
  kConnections,  // --max-connections
  kAddress,      // --max-connections-per-address
  kDescriptors,  // The process has no descriptor left.
  kHandshake,    // TLS failed,
  kSlow,        //   or the handshake, or the client's first words in HTTP/2, were not over in time.
  kNotHttp2,    // It does not speak HTTP/2.
  kHeaders,     // A header block, or SETTINGS, without end.
  kResets,      // Streams were reset faster than any client does.
  kIdleFrames,  // So were frames sent that only cost work.
  kHeld,        // It was at its bound, and nothing of what it had sent could be answered.
  kStrangers,   // All strangers together were at their bound, and it held the most.
};
inline constexpr std::array<std::string_view, 11> kShedNames = {
    "connections", "address",       "descriptors",       "handshake",
    "slow",        "not_http2",     "headers",           "resets",
    "idle_frames", "held_at_bound", "strangers_at_bound"};
inline std::string_view NameOf(Shed shed) { return kShedNames[static_cast<size_t>(shed)]; }

// Counted with atomic operations, from any thread.
class EdgeCounts {
 public:
  // `on_shed` is told of each, on a thread of the edge, and must not block; may be empty.
  explicit EdgeCounts(std::function<void(Shed, std::string_view peer)> on_shed)
      : on_shed_(std::move(on_shed)) {}

  void Count(Shed why, std::string_view peer) {
    shed_[static_cast<size_t>(why)].fetch_add(1, std::memory_order_relaxed);
    if (on_shed_) on_shed_(why, peer);
  }
  // Since the process started.
  uint64_t shed(Shed why) const {
    return shed_[static_cast<size_t>(why)].load(std::memory_order_relaxed);
  }

  std::atomic<int64_t> connections = 0;      // That are open now, past the handshake;
  std::atomic<int64_t> strangers = 0;        //   those of them on which no call was let in yet,
  std::atomic<int64_t> strangers_bytes = 0;  //   and what they are charged (frame_meter.h).

 private:
  const std::function<void(Shed, std::string_view)> on_shed_;
  std::array<std::atomic<uint64_t>, kShedNames.size()> shed_{};
};

}  // namespace capbroker
