// Protobuf's wire format, read and written field by field. The load clients share the machine with
// what they measure, and to parse a whole message costs more than the call that brought it.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace capbroker::bench {

// Reads the fields of one message in their order.
class FieldReader {
 public:
  explicit FieldReader(std::string_view message) : rest_(message) {}

  // False at the end. A malformed message ends the process, since it would be a fault of gRPC or of
  // the broker.
  bool Next() {
    if (rest_.empty()) return false;
    const uint64_t tag = Varint();
    number_ = static_cast<uint32_t>(tag >> 3);
    switch (tag & 7) {
      case 0:
        value_ = Varint();
        break;
      case 1:
        bytes_ = Take(8);
        break;
      case 2:
        bytes_ = Take(Varint());
        break;
      case 5:
        bytes_ = Take(4);
        break;
      default:
        std::abort();
    }
    return true;
  }
  uint32_t number() const { return number_; }
  uint64_t value() const { return value_; }          // The value of a numeric field.
  std::string_view bytes() const { return bytes_; }  // The value of a string or of a message.

 private:
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    std::abort();
  }
  std::string_view Take(uint64_t size) {
    if (size > rest_.size()) std::abort();
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
  uint32_t number_ = 0;
  uint64_t value_ = 0;
  std::string_view bytes_;
};

inline void AppendVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}
inline void AppendNumber(std::string& out, uint32_t field, uint64_t value) {
  AppendVarint(out, field << 3);
  AppendVarint(out, value);
}
// Appends the tag and the length of a field of `size` bytes, which follow.
inline void AppendHead(std::string& out, uint32_t field, size_t size) {
  AppendVarint(out, field << 3 | 2);
  AppendVarint(out, size);
}
inline void AppendBytes(std::string& out, uint32_t field, std::string_view bytes) {
  AppendHead(out, field, bytes.size());
  out.append(bytes);
}

// A received message in one piece; empty after a failed call.
class Received {
 public:
  explicit Received(const grpc::ByteBuffer& buffer) {
    if (!buffer.Valid()) return;
    if (!buffer.TrySingleSlice(&slice_).ok() && !buffer.DumpToSingleSlice(&slice_).ok())
      std::abort();
  }
  std::string_view view() const {
    return {reinterpret_cast<const char*>(slice_.begin()), slice_.size()};
  }

 private:
  grpc::Slice slice_;
};

inline grpc::ByteBuffer BufferOf(std::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace capbroker::bench
