// What a desk reads in an offer, and how it writes a refusal: the same for one that watches and one
// that is called.
#pragma once

#include "broker/values/time.h"
#include "capbroker/v1/offer.pb.h"
#include "services/workload/desk_choice.h"

namespace capbroker {

DeskQuestion QuestionOf(const v1::Offer& offer);
Instant DeliveryEnd(const v1::Offer& offer);
v1::Decline DeclineOf(const DeskChoice& choice);

}  // namespace capbroker
