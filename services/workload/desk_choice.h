// A desk's answer to one offer: what its script intends, limited by its inventory and by what the
// offer allows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/values/time.h"
#include "capbroker/v1/offer.pb.h"
#include "services/workload/desk_script.h"
#include "services/workload/inventory.h"

namespace capbroker {

// The fields of an offer that the choice depends on.
struct DeskQuestion {
  int64_t quantity = 0;
  int64_t min_quantity = 0;  // 0: all or nothing.
  int64_t quantity_step = 0;
  std::vector<std::string> conditions{};
};

struct DeskChoice {
  enum class Answer { kSilence, kAccept, kDecline };
  Answer answer = Answer::kSilence;
  int64_t quantity = 0;                  // kAccept.
  Inventory::Reservation reservation{};  // kAccept, with an inventory: already reserved.
  DeclineReason reason = DeclineReason::kNone;
  Span cool_down{};
};

// `inventory` may be null: unlimited. An acceptance that does not fit becomes a partial one where
// the offer allows it, else a decline for NO_CAPACITY. A partial step takes the whole where the
// offer allows no part, or where its part would be the whole.
DeskChoice Choose(const DeskStep& step, const DeskQuestion& question, Inventory* inventory);

DeskQuestion QuestionOf(const v1::Offer& offer);
Instant DeliveryEnd(const v1::Offer& offer);
v1::Decline DeclineOf(const DeskChoice& choice);

}  // namespace capbroker
