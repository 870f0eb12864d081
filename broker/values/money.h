// Money as integers: micros of a currency unit, and the one multiplication the broker needs.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "broker/values/time.h"

namespace capbroker {

// An ISO 4217 code, or empty.
struct Currency {
  char letters[4] = {};
  auto operator<=>(const Currency&) const = default;
  std::string_view view() const { return letters; }
};

// Three capital letters. INVALID_ARGUMENT otherwise. Whether such a currency exists is not checked:
// agreements name theirs, and amounts of different currencies are never added or compared.
absl::StatusOr<Currency> ParseCurrency(std::string_view text);

// An amount in micros (1 USD = 1,000,000). An empty currency means "not set".
struct Money {
  int64_t micros = 0;
  Currency currency;
  auto operator<=>(const Money&) const = default;
  bool IsSet() const { return currency.letters[0] != 0; }
};

// "2.5 USD": as many decimals as are needed, six at most.
std::string Format(const Money& amount);
// Inverse of Format. INVALID_ARGUMENT names what was got.
absl::StatusOr<Money> ParseMoney(std::string_view text);

// unit_price (per unit and hour) x quantity x duration, rounded down to a micro. OUT_OF_RANGE past
// 2^63 micros. Arguments are not negative.
absl::StatusOr<Money> Cost(const Money& unit_price, int64_t quantity, Span duration);

}  // namespace capbroker
