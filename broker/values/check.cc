#include "broker/values/check.h"

#include "broker/values/refusal.h"
#include "broker/values/terms.h"
#include "broker/values/text.h"

namespace capbroker {

absl::Status CheckRange(std::string_view field, int64_t got, int64_t least, int64_t most) {
  if (got >= least && got <= most) return absl::OkStatus();
  return Invalid(field, Cat(got), Cat("a whole number from ", least, " to ", most));
}

absl::Status CheckValue(std::string_view field, int64_t got) {
  return CheckRange(field, got, 0, field.ends_with("_ppm") ? 1'000'000 : kMostQuantity);
}

absl::Status CheckValue(std::string_view field, Share got) {
  return CheckRange(field, got.ppm, 0, 1'000'000);
}

absl::Status CheckValue(std::string_view field, Span got) {
  if (got >= Span{} && got <= kLongestSpan) return absl::OkStatus();
  return Invalid(field, Format(got), Cat("a duration from 0s to ", Format(kLongestSpan)));
}

absl::Status CheckValue(std::string_view field, const Window& got) {
  if (got.days == 0 && got.closing_minute == 0) return CheckValue(field, got.span);
  if (got.days >= 1 && got.days <= kMostBusinessDays && got.span == Span{} &&
      got.closing_minute >= 0 && got.closing_minute <= kMinutesADay) {
    return absl::OkStatus();
  }
  return Invalid(
      field, Format(got),
      Cat("a duration, or 1 to ", kMostBusinessDays, " business days until 00:01 to 24:00"));
}

}  // namespace capbroker
