// What every field of a type obeys, whatever it is called.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "broker/values/record.h"
#include "broker/values/share.h"
#include "broker/values/time.h"
#include "broker/values/window.h"

namespace capbroker {

// INVALID_ARGUMENT naming the field with got and want.
absl::Status CheckRange(std::string_view field, int64_t got, int64_t least, int64_t most);

// A number is from 0 to kMostQuantity, or to a million where it is parts per million; a length of
// time from 0 to kLongestSpan, a window likewise or 1 to kMostBusinessDays.
absl::Status CheckValue(std::string_view field, int64_t got);
absl::Status CheckValue(std::string_view field, Share got);
absl::Status CheckValue(std::string_view field, Span got);
absl::Status CheckValue(std::string_view field, const Window& got);

// All fields of the record and of those within, below `at`: "clauses[2].term". The first error.
template <Record T>
absl::Status CheckRanges(const std::string& at, const T& record) {
  absl::Status status;
  T::Fields(record, [&]<class Value>(std::string_view name, const Value& value) {
    if (!status.ok()) return;
    const auto field = [&] { return at + "." + std::string(name); };
    if constexpr (Record<Value>) {
      status = CheckRanges(field(), value);
    } else if constexpr (std::is_same_v<Value, int64_t> || std::is_same_v<Value, Share> ||
                         std::is_same_v<Value, Span> || std::is_same_v<Value, Window>) {
      // The path is spelled out only when there is something to say.
      if (!CheckValue(name, value).ok()) status = CheckValue(field(), value);
    }
  });
  return status;
}

}  // namespace capbroker
