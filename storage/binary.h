// PostgreSQL's binary formats: parameters that need no quoting, are not cut at a NUL, and cost the
// server no parsing.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "broker/values/ids.h"
#include "broker/values/time.h"

namespace capbroker::binary {

// PostgreSQL counts microseconds from 2000-01-01.
inline constexpr int64_t kEpochShift = 946'684'800'000'000;

inline constexpr uint32_t kBytea = 17, kInt8 = 20, kInt2 = 21, kInt4 = 23, kText = 25,
                          kTimestamptz = 1184, kUuid = 2950;

template <class T>
void AppendInt(std::string& out, T value) {
  std::array<char, sizeof(T)> bytes;
  for (size_t i = 0; i < sizeof(T); ++i) {
    bytes[i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * (sizeof(T) - 1 - i)));
  }
  out.append(bytes.data(), bytes.size());
}
template <class T>
T ReadInt(const char* at) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value = value << 8 | static_cast<uint8_t>(at[i]);
  return static_cast<T>(value);
}

template <size_t N>
std::string_view ViewOf(const std::array<uint8_t, N>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), N};
}

// The parameters of one statement, in order. Clear keeps the memory for reuse.
class Params {
 public:
  void Clear() {
    buffer_.clear();
    ends_.clear();
  }
  void Int2(int16_t v) { Scalar(v); }
  void Int4(int32_t v) { Scalar(v); }
  void Int8(int64_t v) { Scalar(v); }
  void Time(Instant t) { Scalar(t.micros - kEpochShift); }
  void Bytes(std::string_view v) {  // text, bytea, and uuid as its 16 bytes
    buffer_ += v;
    ends_.push_back(buffer_.size());
  }
  void Duration(Span d) {  // interval
    AppendInt(buffer_, d.micros);
    AppendInt<int64_t>(buffer_, 0);  // Days and months.
    ends_.push_back(buffer_.size());
  }

  // An array: `each(element, array)` appends one element.
  class Array {
   public:
    explicit Array(std::string& out) : out_(out) {}
    void Int2(int64_t v) { Fixed(static_cast<int16_t>(v)); }
    void Int4(int64_t v) { Fixed(static_cast<int32_t>(v)); }
    void Int8(int64_t v) { Fixed(v); }
    void Time(Instant t) { Fixed(t.micros - kEpochShift); }
    void Bytes(std::string_view v) {
      AppendInt(out_, static_cast<int32_t>(v.size()));
      out_ += v;
    }
    void Null() {
      AppendInt<int32_t>(out_, -1);
      has_null_ = true;
    }
    void Uuid(const RequestId& id) {  // Unset: NULL.
      id.IsSet() ? Bytes(ViewOf(id.bytes)) : Null();
    }
    bool has_null() const { return has_null_; }

   private:
    template <class T>
    void Fixed(T v) {
      AppendInt<int32_t>(out_, sizeof v);
      AppendInt(out_, v);
    }
    std::string& out_;
    bool has_null_ = false;
  };
  template <class List, class Each>
  void Many(uint32_t type, const List& list, Each each) {
    AppendInt<int32_t>(buffer_, list.empty() ? 0 : 1);  // Dimensions.
    const size_t null_flag = buffer_.size();
    AppendInt<int32_t>(buffer_, 0);
    AppendInt(buffer_, type);
    if (!list.empty()) {
      AppendInt(buffer_, static_cast<int32_t>(list.size()));
      AppendInt<int32_t>(buffer_, 1);  // Index of the first.
      Array array(buffer_);
      for (const auto& element : list) each(element, array);
      if (array.has_null()) buffer_[null_flag + 3] = 1;
    }
    ends_.push_back(buffer_.size());
  }

  size_t size() const { return ends_.size(); }
  size_t bytes() const { return buffer_.size(); }
  // Valid until the next change.
  std::string_view operator[](size_t i) const {
    const size_t from = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(buffer_).substr(from, ends_[i] - from);
  }

 private:
  template <class T>
  void Scalar(T v) {
    AppendInt(buffer_, v);
    ends_.push_back(buffer_.size());
  }
  std::string buffer_;
  std::vector<size_t> ends_;
};

}  // namespace capbroker::binary
