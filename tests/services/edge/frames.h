// HTTP/2 frames for tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace capbroker {

enum FrameKind : uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kReset = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};
inline constexpr uint8_t kAckFlag = 1, kEndStreamFlag = 1, kEndHeadersFlag = 4;

inline std::string FrameOf(FrameKind kind, uint8_t flags, uint32_t stream,
                           std::string_view payload = "") {
  const auto byte = [](size_t value) { return static_cast<char>(value & 0xff); };
  std::string out = {byte(payload.size() >> 16),
                     byte(payload.size() >> 8),
                     byte(payload.size()),
                     byte(kind),
                     byte(flags),
                     byte(stream >> 24),
                     byte(stream >> 16),
                     byte(stream >> 8),
                     byte(stream)};
  return out.append(payload);
}

inline const std::string kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

}  // namespace capbroker
