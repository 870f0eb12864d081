#include "services/workload/desk_choice.h"

#include <algorithm>

#include "absl/numeric/int128.h"

namespace capbroker {
namespace {

// The largest part of at most `most` that the offer allows; 0 if none.
int64_t LargestPart(const DeskQuestion& question, int64_t most) {
  if (most >= question.quantity) return question.quantity;
  if (question.min_quantity <= 0) return 0;
  const int64_t step = std::max<int64_t>(question.quantity_step, 1);
  const int64_t part = most / step * step;
  return part >= question.min_quantity ? part : 0;
}

// What a partial step means to take: its share, raised to the least that the offer allows.
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
  if (inventory != nullptr) choice.taking = inventory->Take(models, choice.quantity).value();
  return choice;
}

}  // namespace capbroker
