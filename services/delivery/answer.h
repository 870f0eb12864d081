// What a provider said when it was called, as the command that the same call of OfferService would
// have been.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "capbroker/v1/capacity_provider.pb.h"
#include "services/messages/resource_name.h"
#include "services/sequencing/sequencer.h"

namespace capbroker {

struct PushedAnswer {
  std::optional<Submission> submission{};  // None: it answers later.
  std::string words{};                     // "accepts 5000 of 8000"; for the trail.
};

// In the provider's name. Its key is derived from the offer and what was said: the same answer to
// the same offer, from whichever delivery, is one command (R27).
//
// INVALID_ARGUMENT  it says nothing, or something that OfferService would not take; names the
// field.
absl::StatusOr<PushedAnswer> ReadAnswer(const ProviderId& provider, const OfferName& offer,
                                        int64_t asked, const v1::ConsiderOfferResponse& response);

}  // namespace capbroker
