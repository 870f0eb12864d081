#include "broker/values/money.h"

#include <limits>

#include "absl/status/status.h"
#include "broker/values/text.h"

namespace capbroker {

absl::StatusOr<Currency> ParseCurrency(std::string_view text) {
  Currency out;
  bool letters = text.size() == 3;
  for (size_t i = 0; letters && i < 3; ++i) {
    letters = text[i] >= 'A' && text[i] <= 'Z';
    out.letters[i] = text[i];
  }
  if (letters) return out;
  return absl::InvalidArgumentError(
      Cat("got \"", text, "\", want three capital letters such as USD"));
}

std::string Format(const Money& amount) {
  const bool negative = amount.micros < 0;
  const uint64_t micros =
      negative ? 0 - static_cast<uint64_t>(amount.micros) : static_cast<uint64_t>(amount.micros);
  std::string out = Cat(negative ? "-" : "", micros / 1'000'000);
  if (uint64_t fraction = micros % 1'000'000; fraction != 0) {
    const std::string digits = Cat(fraction + 1'000'000);  // The leading 1 keeps the zeros.
    out += Cat(".", std::string_view(digits).substr(1));
    while (out.back() == '0') out.pop_back();
  }
  out += Cat(" ", amount.currency.view());
  return out;
}

absl::StatusOr<Money> ParseMoney(std::string_view text) {
  const auto refuse = [&] {
    return absl::InvalidArgumentError(
        Cat("got \"", text,
            "\", want an amount and a currency such as \"2.5 USD\" (at most six decimals)"));
  };
  const size_t space = text.find(' ');
  if (space == std::string_view::npos) return refuse();
  const absl::StatusOr<Currency> currency = ParseCurrency(text.substr(space + 1));
  std::string_view number = text.substr(0, space);
  const bool negative = !number.empty() && number[0] == '-';
  if (negative) number.remove_prefix(1);
  if (!currency.ok() || number.empty() || number[0] == '.' || number.back() == '.') return refuse();
  __int128 micros = 0;
  int decimals = -1;  // Counted from the dot on.
  for (char c : number) {
    if (c == '.' && decimals < 0) {
      decimals = 0;
      continue;
    }
    if (c < '0' || c > '9' || decimals == 6) return refuse();
    micros = micros * 10 + (c - '0');
    if (decimals >= 0) ++decimals;
    if (micros > std::numeric_limits<int64_t>::max()) return refuse();
  }
  for (int i = std::max(decimals, 0); i < 6; ++i) micros *= 10;
  if (micros > std::numeric_limits<int64_t>::max()) return refuse();
  return Money{static_cast<int64_t>(negative ? -micros : micros), *currency};
}

absl::StatusOr<Money> Cost(const Money& unit_price, int64_t quantity, Span duration) {
  // The price (2^63) times the quantity (2^50 at most) stays within 128 bits; the hours are taken
  // with care.
  const __int128 per_hour = static_cast<__int128>(unit_price.micros) * quantity;
  const __int128 hour = Hours(1).micros;
  const __int128 limit = std::numeric_limits<int64_t>::max();
  const __int128 whole = duration.micros / hour, part = duration.micros % hour;
  if (per_hour > limit * hour || (whole > 0 && per_hour > limit / whole)) {
    return absl::OutOfRangeError("the cost of the whole term is over 9.2e12 currency units");
  }
  const __int128 cost = per_hour * whole + per_hour * part / hour;
  if (cost > limit)
    return absl::OutOfRangeError("the cost of the whole term is over 9.2e12 currency units");
  return Money{static_cast<int64_t>(cost), unit_price.currency};
}

}  // namespace capbroker
