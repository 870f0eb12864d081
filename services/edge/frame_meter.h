// Meters the HTTP/2 frames of one connection on their way to gRPC, and holds back or ends what
// would cost too much.
//
// gRPC 1.51 has limits, but it enforces them only after the client has acknowledged its SETTINGS;
// it keeps a call for every stream that was opened and reset; and what it has read of a message
// that is not complete stays in memory. A client that acknowledges nothing could take gigabytes. So
// the meter
// - acknowledges the first SETTINGS in the client's place: gRPC's own limits on streams and
//   metadata hold from the start;
// - charges a connection for what it makes gRPC hold, and holds back frames of a stranger that
//   would exceed its budget, or that of all strangers together. A stranger is a connection on which
//   no call has been let in yet: after its first such call it has a budget of a party, and what was
//   held back goes on;
// - ends a connection that resets its streams, or sends frames that only cost work, faster than any
//   client does.
//
// Pure: bytes and a time go in, bytes come out. Of one thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "services/edge/shed.h"
#include "services/edge/token_bucket.h"

namespace capbroker {

// What an open stream is charged, in bytes: gRPC's call with metadata of the largest size that it
// takes.
inline constexpr int64_t kStreamCharge = 16 * 1024;
// What one stranger may make gRPC hold, all of them together, and a known party on one connection.
inline constexpr int64_t kStrangerBudget = 4 * 1024 * 1024;
inline constexpr int64_t kAllStrangersBudget = 64 * 1024 * 1024;
inline constexpr int64_t kPartyBudget = 64 * 1024 * 1024;
// Of a stranger: calls, and bytes of any kind, at once and a second.
inline constexpr int64_t kStrangerCalls = 256, kStrangerCallsPerSecond = 50;
inline constexpr int64_t kStrangerBytes = kStrangerBudget + 64 * 1024,
                         kStrangerBytesPerSecond = 256 * 1024;
// Streams that are reset before they were answered; of a stranger one counts as so many.
inline constexpr int64_t kResets = 2'048, kResetsPerSecond = 200, kResetOfStranger = 20;
// Frames that only cost work: PING while nothing is answered, SETTINGS, PRIORITY, CONTINUATION,
// empty DATA, frames of closed streams or of unknown kinds.
inline constexpr int64_t kIdleFrames = 1'000, kIdleFramesPerSecond = 100;
// Of one header block, as it is sent.
inline constexpr size_t kMostHeaderBytes = 32 * 1024;

// What all strangers together make gRPC hold. Of the thread of its connections.
struct StrangersAccount {
  int64_t charged = 0;
};

class FrameMeter {
 public:
  explicit FrameMeter(StrangersAccount& strangers) : strangers_(strangers) {}
  ~FrameMeter() { SetCharge(0); }
  FrameMeter(const FrameMeter&) = delete;
  FrameMeter& operator=(const FrameMeter&) = delete;

  enum class Next {
    kMore,       // All bytes were taken.
    kHeld,       // The rest waits for the server's answers, or for time to pass.
    kHeldByAll,  // The same, because all strangers together are at their bound.
    kEnd,        // The connection is to be closed.
  };
  struct Step {
    size_t taken = 0;
    Next next = Next::kMore;
    Shed why{};  // With kEnd.
  };
  // What the client sent; appends to `out` what gRPC is to get of it. To be called again with the
  // rest, which may be empty, after kHeld.
  Step TakeFromClient(std::string_view bytes, bool is_known, int64_t now_micros, std::string* out);
  // What gRPC sent; it is the client's as it is.
  void TakeFromServer(std::string_view bytes);

  // The preface and the client's SETTINGS have come, so there is something that gRPC can be given.
  bool is_greeted() const { return frames_ > 0 && (frames_ > 1 || payload_left_ == 0); }
  // Whether the client may be told something between two of gRPC's frames now.
  bool is_between_server_frames() const {
    return server_.head_size == 0 && server_.payload_left == 0;
  }
  int64_t charge() const { return charge_; }

 private:
  static constexpr size_t kHeadSize = 9;
  struct Head {
    uint32_t length;
    uint8_t kind, flags;
    uint32_t stream;
  };
  static Head Parse(const std::array<char, kHeadSize>& head);

  Step Take(std::string_view bytes, int64_t now_micros, std::string* out);
  Step Admit(const Head& head, int64_t now_micros);
  Step AdmitHeaders(const Head& head, int64_t now_micros);
  Step AdmitData(const Head& head, int64_t now_micros);
  Step AdmitReset(const Head& head, int64_t now_micros);
  Step Idle(int64_t now_micros);
  Next Room(int64_t more) const;
  void Meet();
  void SetCharge(int64_t charge);
  void Answered(uint32_t stream, bool is_end);

  StrangersAccount& strangers_;
  bool is_known_ = false;
  int64_t charge_ = 0;
  // Open streams, with the bytes since the server's last word on them.
  absl::flat_hash_map<uint32_t, int64_t> open_;
  uint32_t last_stream_ = 0;
  TokenBucket calls_{kStrangerCalls, kStrangerCallsPerSecond};
  TokenBucket bytes_{kStrangerBytes, kStrangerBytesPerSecond};
  TokenBucket resets_{kResets, kResetsPerSecond};
  TokenBucket idle_frames_{kIdleFrames, kIdleFramesPerSecond};

  // Of what the client sends.
  size_t preface_size_ = 0;
  uint64_t frames_ = 0;  // Heads let through.
  std::array<char, kHeadSize> head_{};
  size_t head_size_ = 0;
  size_t payload_left_ = 0;
  size_t block_size_ = 0;         // Of the header block under way.
  bool is_acknowledged_ = false;  // By the meter; the client's own comes later, and is left out.
  bool acknowledgement_owed_ = false;

  // Of what the server sends.
  struct {
    std::array<char, kHeadSize> head{};
    size_t head_size = 0;
    size_t payload_left = 0;
    bool has_greeted = false;
    bool has_answered = false;  // Since the client's last PING.
  } server_;
};

}  // namespace capbroker
