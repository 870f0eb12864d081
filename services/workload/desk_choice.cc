#include "services/workload/desk_choice.h"

#include <algorithm>

#include "absl/numeric/int128.h"
#include "services/client/proto_values.h"

namespace capbroker {
namespace {

// The largest part, up to `most`, that the offer allows; 0 if there is none.
int64_t LargestPart(const DeskQuestion& question, int64_t most) {
  if (most >= question.quantity) return question.quantity;
  if (question.min_quantity <= 0) return 0;
  const int64_t step = std::max<int64_t>(question.quantity_step, 1);
  const int64_t part = most / step * step;
  return part >= question.min_quantity ? part : 0;
}

// What a partial step wants: its share, raised to the smallest part that the offer allows.
int64_t Wanted(const DeskStep& step, const DeskQuestion& question) {
  if (step.action != DeskStep::Action::kPartial || question.min_quantity <= 0)
    return question.quantity;
  const int64_t share =
      step.share_ppm > 0
          ? static_cast<int64_t>(absl::int128(question.quantity) * step.share_ppm / 1'000'000)
          : step.quantity;
  const int64_t unit = std::max<int64_t>(question.quantity_step, 1);
  const int64_t least = (question.min_quantity + unit - 1) / unit * unit;
  return std::min(std::max(share, least), question.quantity);
}

}  // namespace

DeskChoice Choose(const DeskStep& step, const DeskQuestion& question, Inventory* inventory) {
  DeskChoice choice;
  if (step.action == DeskStep::Action::kSilent) return choice;
  if (step.action == DeskStep::Action::kDecline) {
    choice.answer = DeskChoice::Answer::kDecline;
    choice.reason = step.reason;
    choice.cool_down = step.cool_down;
    return choice;
  }
  int64_t most = Wanted(step, question);
  const Inventory::Models models = ModelsAdmitted(question.conditions);
  if (inventory != nullptr) most = std::min(most, inventory->Free(models));
  choice.quantity = LargestPart(question, most);
  if (choice.quantity == 0) {
    choice.answer = DeskChoice::Answer::kDecline;
    choice.reason = DeclineReason::kNoCapacity;
    return choice;
  }
  choice.answer = DeskChoice::Answer::kAccept;
  if (inventory != nullptr)
    choice.reservation = inventory->Reserve(models, choice.quantity).value();
  return choice;
}

DeskQuestion QuestionOf(const v1::Offer& offer) {
  return {offer.quantity(),
          offer.min_quantity(),
          offer.quantity_step(),
          {offer.terms().conditions().begin(), offer.terms().conditions().end()}};
}

Instant DeliveryEnd(const v1::Offer& offer) { return FromProto(offer.terms().end_time()); }

v1::Decline DeclineOf(const DeskChoice& choice) {
  v1::Decline decline;
  decline.set_reason(
      // Both enums have the same names in the same order.
      static_cast<v1::DeclineReason>(choice.reason));
  if (choice.cool_down > Span{}) ToProto(choice.cool_down, decline.mutable_cool_down());
  return decline;
}
static_assert(static_cast<int>(DeclineReason::kNoCapacity) == v1::DECLINE_REASON_NO_CAPACITY &&
              static_cast<int>(DeclineReason::kOther) == v1::DECLINE_REASON_OTHER);

}  // namespace capbroker
