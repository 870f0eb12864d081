// What a desk answers to one offer: what its script means to do, within what it has and what the
// offer allows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "services/workload/desk_inventory.h"
#include "services/workload/desk_script.h"

namespace capbroker {

// What of an offer matters to the choice.
struct DeskQuestion {
  int64_t quantity = 0;
  int64_t min_quantity = 0;  // 0: all or nothing.
  int64_t quantity_step = 0;
  std::vector<std::string> conditions{};
};

struct DeskChoice {
  enum class Answer { kSilence, kAccept, kDecline };
  Answer answer = Answer::kSilence;
  int64_t quantity = 0;        // kAccept.
  Inventory::Taking taking{};  // kAccept, with an inventory: taken already.
  DeclineReason reason = DeclineReason::kNone;
  Span cool_down{};
};

// `inventory` may be null: then there is always enough. What the script would accept and does not
// fit is accepted in part where the offer allows it, and else declined for NO_CAPACITY. A partial
// step takes all where the offer allows no part, or where its part would be the whole.
DeskChoice Choose(const DeskStep& step, const DeskQuestion& question, Inventory* inventory);

}  // namespace capbroker
