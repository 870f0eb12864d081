#include "services/workload/desk_wire.h"

namespace capbroker {

DeskQuestion QuestionOf(const v1::Offer& offer) {
  return {offer.quantity(),
          offer.min_quantity(),
          offer.quantity_step(),
          {offer.terms().conditions().begin(), offer.terms().conditions().end()}};
}

Instant DeliveryEnd(const v1::Offer& offer) {
  const auto& end = offer.terms().end_time();
  return {end.seconds() * 1'000'000 + end.nanos() / 1000};
}

v1::Decline DeclineOf(const DeskChoice& choice) {
  v1::Decline decline;
  decline.set_reason(
      static_cast<v1::DeclineReason>(choice.reason));  // The same names in the same order.
  if (choice.cool_down > Span{}) {
    decline.mutable_cool_down()->set_seconds(choice.cool_down.micros / 1'000'000);
    decline.mutable_cool_down()->set_nanos(
        static_cast<int32_t>(choice.cool_down.micros % 1'000'000 * 1000));
  }
  return decline;
}
static_assert(static_cast<int>(DeclineReason::kNoCapacity) == v1::DECLINE_REASON_NO_CAPACITY &&
              static_cast<int>(DeclineReason::kOther) == v1::DECLINE_REASON_OTHER);

}  // namespace capbroker
