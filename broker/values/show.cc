#include "broker/values/show.h"

#include "broker/values/text.h"

namespace capbroker {

std::string ShowMoney(const Money& amount) {
  const std::string plain = Format(amount);
  const size_t units = plain.find_first_of(". ");
  const auto number = ParseNumber<int64_t>(std::string_view(plain).substr(0, units));
  return number ? Cat(ShowQuantity(*number), plain.substr(units)) : plain;
}

std::string ShowQuantity(int64_t quantity) {
  std::string digits = Cat(quantity);
  const size_t first = digits.starts_with('-') ? 1 : 0;
  for (size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string ShowSpan(Span d) {
  if (d.micros <= 0) return Format(d);
  std::string out;
  for (const auto& [name, micros] :
       {std::pair("d", 86'400'000'000), {"h", 3'600'000'000}, {"m", 60'000'000}}) {
    if (const int64_t count = d.micros / micros; count > 0) out += Cat(count, name);
    d.micros %= micros;
  }
  return d.micros > 0 ? out + Format(d) : out;  // "0.25s"
}

std::string ShowWindow(const Window& window) {
  return window.days == 0 ? ShowSpan(window.span) : Format(window);
}

std::string ShowTime(Instant t) {
  if (!t.IsSet()) return "-";
  const std::string exact = Format(t);  // 2025-02-06T09:00:00.250000Z
  const std::string fraction = exact.substr(exact.size() - 8, 4);
  return Cat(exact.substr(0, exact.size() - 8), fraction == ".000" ? "" : fraction, "Z");
}

std::string ShowShare(int64_t ppm) {
  std::string out = Cat(ppm / 10'000);
  if (const int64_t fraction = ppm % 10'000; fraction != 0) {
    const std::string digits = Cat(fraction);
    out += Cat(".", std::string(4 - digits.size(), '0'), digits);
    out.erase(out.find_last_not_of('0') + 1);
  }
  return out + "%";
}

}  // namespace capbroker
