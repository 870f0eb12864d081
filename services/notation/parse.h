// Parsers of the notation for durations, instants, quantities, amounts and shares in flags, files
// and stories. They read back what broker/trail/describe.h writes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/values/calendar.h"
#include "broker/values/money.h"
#include "broker/values/time.h"
#include "broker/values/window.h"

namespace capbroker {

// All errors are INVALID_ARGUMENT with a message "got ..., want ..."; callers prepend a name.
absl::Status Unreadable(std::string_view got, std::string_view want);

// "90s", "2h", "3d", "1d12h", "250ms", "1.5h": units d, h, m, s, ms, each at most once, in that
// order. "0" is zero. A day has 24 hours. Negative durations, and fractions of a microsecond, are
// errors.
absl::StatusOr<Span> ParseDuration(std::string_view text);

// "8000", "8,000", "8_000", "8 000": a separator before each group of three digits. Not negative.
absl::StatusOr<int64_t> ParseQuantity(std::string_view text);

// "2.5 USD", "250,000,000,000 USD".
absl::StatusOr<Money> ParseAmount(std::string_view text);

// A length of time as above, or "10 business days, until 16:00".
absl::StatusOr<Window> ParseLength(std::string_view text);

// "MON-FRI 09:00-17:00", "sat 10:00-12:00": days in any case, by three letters or whole; any dash.
// One stretch for each day. Hours do not go over midnight.
absl::StatusOr<std::vector<WeeklyHours>> ParseHours(std::string_view text);
// Whether it begins such a text: "mon-fri".
bool BeginsHours(std::string_view word);
// "MON 09:00-17:00".
std::string ShowHours(const WeeklyHours& hours);

// RFC 3339 ("2025-02-06T09:00:00Z", also with an offset such as "+02:00"), a date ("2025-02-06" is
// its first instant in UTC), or a duration from now ("+36h", truncated to whole seconds).
absl::StatusOr<Instant> ParseWhen(std::string_view text, Instant now);

// Converts "50%", "2.5%", "0.5" and "500000ppm" to parts per million, 0 to `most_ppm`, exactly.
absl::StatusOr<int64_t> ParseShare(std::string_view text, int64_t most_ppm = 1'000'000);

}  // namespace capbroker
