// What a draft of an agreement would have made of requests that were once decided: the recorded
// requests at their recorded times, answered as each provider answered then.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/trail/book.h"
#include "services/simulation/story.h"

namespace capbroker {

// What a provider is taken to do that the record has no answer of.
enum class Assume { kSilent, kAccept, kDecline };

// What became of one request.
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
  absl::Status refused{};  // The request itself was: nobody was asked.
  std::vector<Asked> asked{};
  std::vector<Won>
      won{};  // Confirmed and not given back, by provider, in the order they were asked.
  int64_t placed = 0;
  Span to_placement{};  // From its receipt to the last confirmation; zero where nothing was placed.
  std::vector<Money> spend{};  // What is placed costs over its whole term; one amount a currency.
};

struct ReplayedRequest {
  RequestId id{};
  Instant received{};
  int64_t quantity = 0;
  Placement recorded{}, drafted{};
  std::vector<std::string> assumed{};  // In words.
};

struct ReplayTotals {
  size_t fulfilled = 0, partly = 0, unplaced = 0;  // Requests: whole, in part, not at all.
  int64_t placed = 0;
  Span mean_to_placement{};  // Of those placed.
  std::vector<Money> spend{};
};

struct ReplayReport {
  OwnerId owner{};
  AgreementId agreement{};
  std::vector<ReplayedRequest> requests{};  // In the order they came.
  ReplayTotals recorded{}, drafted{};
  // After the last request has ended. What is left of one is its shortfall, should its term end
  // then.
  std::vector<CommitmentBalance> recorded_commitments{}, drafted_commitments{};
  std::vector<std::string> assumed{};  // About all of them.
};

// `acts` are an owner's trail, or some of its requests with the agreements; acts of the registry of
// providers may stand among them. The draft takes the place of every version of its agreement, from
// before the first request.
//
// INVALID_ARGUMENT     no request is among the acts, or the acts are another owner's than the
// draft. FAILED_PRECONDITION  and others: the draft is refused as Decide refuses it.
absl::StatusOr<ReplayReport> Replay(const std::vector<Act>& acts, const OwnedAgreement& draft,
                                    Assume unknown);

}  // namespace capbroker
