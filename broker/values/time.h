// Instants and spans of the broker: whole microseconds, UTC, never a local clock.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace capbroker {

// A length of time in microseconds. May be zero; rules refuse negative ones at the edge.
struct Span {
  int64_t micros = 0;
  constexpr auto operator<=>(const Span&) const = default;
};

// A point in UTC, microseconds since 1970-01-01T00:00:00Z. Zero means "not set".
struct Instant {
  int64_t micros = 0;
  constexpr auto operator<=>(const Instant&) const = default;
  constexpr bool IsSet() const { return micros != 0; }
};

constexpr Instant operator+(Instant t, Span d) { return {t.micros + d.micros}; }
constexpr Instant operator-(Instant t, Span d) { return {t.micros - d.micros}; }
constexpr Span operator-(Instant a, Instant b) { return {a.micros - b.micros}; }
constexpr Span operator+(Span a, Span b) { return {a.micros + b.micros}; }
constexpr Span Seconds(int64_t n) { return {n * 1'000'000}; }
constexpr Span Hours(int64_t n) { return Seconds(n * 3600); }

// The latest instant the broker admits: 9999-12-31T23:59:59.999999Z, the end of RFC 3339.
inline constexpr Instant kLastInstant{253'402'300'799'999'999};
// The longest span the broker admits: 100 years of 365 days.
inline constexpr Span kLongestSpan = Hours(24 * 365 * 100);

// RFC 3339 with six decimals, always "Z": 2025-02-03T09:00:00.000000Z.
std::string Format(Instant t);
void AppendTo(std::string& out, Instant t);
// Seconds with up to six decimals and "s", as protobuf writes durations: 259200s, 0.25s.
std::string Format(Span d);

// Inverse of Format; also takes fewer or no decimals. INVALID_ARGUMENT names what was got.
absl::StatusOr<Instant> ParseInstant(std::string_view text);
absl::StatusOr<Span> ParseSpan(std::string_view text);

}  // namespace capbroker
