// Replay of a trail under a draft: the recorded requests at their recorded times, answered as each
// provider answered.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/trail/book.h"
#include "services/simulation/story.h"

namespace capbroker {

// What a provider without a recorded answer is assumed to do.
enum class Assume { kSilent, kAccept, kDecline };

// The outcome of one request.
struct Placement {
  struct Asked {
    ProviderId provider{};
    OfferKind kind = OfferKind::kNone;
    OfferState ending = OfferState::kOpen;
  };
  struct Won {
    ProviderId provider{};
    int64_t quantity = 0;
  };
  RequestState state = RequestState::kReceived;
  absl::Status refused{};  // Set if the request itself was refused.
  std::vector<Asked> asked{};
  std::vector<Won>
      won{};  // Confirmed and not released, by provider, in the order in which they were asked.
  int64_t placed = 0;
  Span to_placement{};  // From receipt to the last confirmation; zero if nothing was placed.
  // Cost of the placed capacity over its whole term, one amount per currency.
  std::vector<Money> spend{};
};

struct ReplayedRequest {
  RequestId id{};
  Instant received{};
  int64_t quantity = 0;
  Placement recorded{}, drafted{};
  std::vector<std::string> assumed{};  // In words.
};

struct ReplayTotals {
  size_t fulfilled = 0, partly = 0, unplaced = 0;  // Requests by outcome.
  int64_t placed = 0;
  Span mean_to_placement{};  // Of requests that were placed.
  std::vector<Money> spend{};
};

struct ReplayReport {
  OwnerId owner{};
  AgreementId agreement{};
  std::vector<ReplayedRequest> requests{};  // In the order of receipt.
  ReplayTotals recorded{}, drafted{};
  // After the last request. A commitment's remaining amount is its shortfall if the term ended
  // then.
  std::vector<CommitmentBalance> recorded_commitments{}, drafted_commitments{};
  std::vector<std::string> assumed{};  // Assumptions about all requests.
};

// `acts` is an owner's trail, or some of its requests with the agreements; it may contain acts of
// the registry. The draft replaces every version of its agreement, from before the first request.
//
// INVALID_ARGUMENT     there is no request among the acts, or they are another owner's than the
//                      draft's.
// FAILED_PRECONDITION  (and others) Decide refuses the draft.
absl::StatusOr<ReplayReport> Replay(const std::vector<Act>& acts, const OwnedAgreement& draft,
                                    Assume unknown);

}  // namespace capbroker
