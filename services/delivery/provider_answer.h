// Converts a provider's answer to ConsiderOffer into the command that the same call of OfferService
// would have been.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "capbroker/v1/capacity_provider.pb.h"
#include "services/messages/resource_name.h"
#include "services/sequencing/sequencer.h"

namespace capbroker {

struct PushedAnswer {
  std::optional<Submission> submission{};  // Unset: the provider answers later.
  std::string words{};                     // For the trail: "accepts 5000 of 8000".
};

// The command is the provider's. Its idempotency key is derived from the offer and the answer: the
// same answer to the same offer, from whichever delivery, is one command (R27).
//
// INVALID_ARGUMENT  the response has no answer, or one that OfferService would refuse; names the
//                   field.
absl::StatusOr<PushedAnswer> ReadAnswer(const ProviderId& provider, const OfferName& offer,
                                        int64_t asked, const v1::ConsiderOfferResponse& response);

}  // namespace capbroker
