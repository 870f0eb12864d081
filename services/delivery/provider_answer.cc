#include "services/delivery/provider_answer.h"

#include <utility>

#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/rpc/admission.h"

namespace capbroker {
namespace {

// `in` has all fields but its name and its key.
template <class In>
absl::StatusOr<PushedAnswer> As(Method method, const ProviderId& provider, const OfferName& offer,
                                const v1::ConsiderOfferResponse& response, std::string words,
                                In in) {
  const Actor actor{Role::kProvider, provider.value};
  if (absl::Status status = CheckRole(actor, method); !status.ok()) return status;
  in.set_name(FullName(offer));
  in.set_request_id(
      Cat("pushed-", Hex(Sha256(Cat(in.name(), "\n", response.SerializeAsString())))));
  absl::StatusOr<Command> command = Admit(actor, method, in);
  if (!command.ok()) return command.status();
  return PushedAnswer{SubmissionOf(actor, method, *std::move(command), in, Instant{}),
                      std::move(words)};
}

}  // namespace

absl::StatusOr<PushedAnswer> ReadAnswer(const ProviderId& provider, const OfferName& offer,
                                        int64_t asked, const v1::ConsiderOfferResponse& response) {
  using Answer = v1::ConsiderOfferResponse;
  switch (response.answer_case()) {
    case Answer::kAccept: {
      v1::AcceptOfferRequest accept;
      accept.set_terms_hash(response.accept().terms_hash());
      accept.set_quantity(response.accept().quantity());
      const int64_t taken = accept.quantity() == 0 ? asked : accept.quantity();
      return As(Method::kAcceptOffer, provider, offer, response,
                Cat("accepts ", taken, " of ", asked), accept);
    }
    case Answer::kDecline: {
      v1::DeclineOfferRequest decline;
      *decline.mutable_decline() = response.decline();
      return As(Method::kDeclineOffer, provider, offer, response, "declines", decline);
    }
    case Answer::kCounter: {
      v1::CounterOfferRequest counter;
      *counter.mutable_terms() = response.counter().terms();
      return As(Method::kCounterOffer, provider, offer, response, "counters", counter);
    }
    case Answer::kBid: {
      v1::SubmitBidRequest bid;
      *bid.mutable_bid() = response.bid();
      return As(Method::kSubmitBid, provider, offer, response, "bids", bid);
    }
    case Answer::kLater:
      return PushedAnswer{std::nullopt, "answers later"};
    default:
      return Invalid("answer", "nothing", "accept, decline, counter, bid or later");
  }
}

}  // namespace capbroker
