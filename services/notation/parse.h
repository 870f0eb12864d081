// How people write lengths of time, instants and quantities, in flags, in files and in scenarios.
// What broker/trail/describe.h shows, these read back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "broker/values/money.h"
#include "broker/values/time.h"

namespace capbroker {

// The error of all: INVALID_ARGUMENT whose message is "got ..., want ...", for the caller to put a
// name before.

// "90s", "2h", "3d", "1d12h", "250ms", "1.5h": units d, h, m, s, ms, each at most once, in that
// order. "0" is zero. A day is 24 hours. Not negative; finer than a microsecond is refused.
absl::StatusOr<Span> ParseDuration(std::string_view text);

// "8000", "8,000", "8_000", "8 000": separators stand before each group of three digits. Not
// negative.
absl::StatusOr<int64_t> ParseQuantity(std::string_view text);

// "2.5 USD", "250,000,000,000 USD".
absl::StatusOr<Money> ParseAmount(std::string_view text);

// RFC 3339 ("2025-02-06T09:00:00Z", offsets as "+02:00" too), a date alone ("2025-02-06" is its
// first instant, UTC), or a time from now ("+36h", in whole seconds).
absl::StatusOr<Instant> ParseWhen(std::string_view text, Instant now);

// "50%", "2.5%", "0.5" and "500000ppm" to parts per million: 0 to `most_ppm`, exactly.
absl::StatusOr<int64_t> ParseShare(std::string_view text, int64_t most_ppm = 1'000'000);

}  // namespace capbroker
