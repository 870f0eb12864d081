// Parsing of OfferService's messages: answers, reads, and operators' interventions.
#include <utility>

#include "broker/values/text.h"
#include "services/messages/fields.h"
#include "services/messages/parse.h"
#include "services/messages/parse_values.h"

namespace capbroker {
namespace {

OfferState StateOf(v1::Offer::State state) {
  switch (state) {
    case v1::Offer::STATE_ACCEPTED:
      return OfferState::kAccepted;
    case v1::Offer::STATE_PARTIALLY_ACCEPTED:
      return OfferState::kPartiallyAccepted;
    case v1::Offer::STATE_COUNTERED:
      return OfferState::kCountered;
    case v1::Offer::STATE_DECLINED:
      return OfferState::kDeclined;
    case v1::Offer::STATE_LAPSED:
      return OfferState::kLapsed;
    case v1::Offer::STATE_RESCINDED:
      return OfferState::kRescinded;
    case v1::Offer::STATE_SUPERSEDED:
      return OfferState::kSuperseded;
    case v1::Offer::STATE_VOIDED:
      return OfferState::kVoided;
    default:
      return OfferState::kOpen;
  }
}

DeclineReason ReadReason(Fields& fields, const Path& path, v1::DeclineReason reason) {
  switch (reason) {
    case v1::DECLINE_REASON_NO_CAPACITY:
      return DeclineReason::kNoCapacity;
    case v1::DECLINE_REASON_PRICE:
      return DeclineReason::kPrice;
    case v1::DECLINE_REASON_TIMING:
      return DeclineReason::kTiming;
    case v1::DECLINE_REASON_TERMS:
      return DeclineReason::kTerms;
    case v1::DECLINE_REASON_POLICY:
      return DeclineReason::kPolicy;
    case v1::DECLINE_REASON_CANNOT_SUPPORT:
      return DeclineReason::kCannotSupport;
    case v1::DECLINE_REASON_OTHER:
      return DeclineReason::kOther;
    default:
      fields.Complain(path, Cat(static_cast<int>(reason)), "a known reason, 1 to 7");
      return DeclineReason::kNone;
  }
}

}  // namespace

absl::StatusOr<Command> Parse(const v1::AcceptOfferRequest& in) {
  Fields fields;
  const OfferName name = ParseOfferName(fields, "name", in.name());
  AcceptOffer accept{name.request, name.number};
  accept.terms_hash = fields.Sha256("terms_hash", in.terms_hash());
  accept.quantity = fields.Quantity("quantity", in.quantity(), 0);
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return Command{name.owner, {}, accept};
}

absl::StatusOr<Command> Parse(const v1::DeclineOfferRequest& in) {
  Fields fields;
  const OfferName name = ParseOfferName(fields, "name", in.name());
  const Path at("decline");
  DeclineOffer decline{name.request, name.number};
  decline.reason = ReadReason(fields, Path(at, "reason"), in.decline().reason());
  decline.text = fields.Text(Path(at, "text"), in.decline().text(), 0, kLongestReason);
  decline.cool_down = fields.Span(Path(at, "cool_down"), in.decline().cool_down());
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return Command{name.owner, {}, std::move(decline)};
}

absl::StatusOr<Command> Parse(const v1::CounterOfferRequest& in) {
  Fields fields;
  const OfferName name = ParseOfferName(fields, "name", in.name());
  CounterOffer counter{name.request, name.number, ReadTerms(fields, "terms", in.terms(), 1)};
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return Command{name.owner, {}, std::move(counter)};
}

absl::StatusOr<Command> Parse(const v1::SubmitBidRequest& in) {
  Fields fields;
  const OfferName name = ParseOfferName(fields, "name", in.name());
  const Path at("bid");
  SubmitBid bid{name.request, name.number,
                ReadTerms(fields, Path(at, "terms"), in.bid().terms(), 1)};
  bid.contingent =
      fields.Text(Path(at, "contingent_on"), in.bid().contingent_on(), 0, kLongestReason);
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return Command{name.owner, {}, std::move(bid)};
}

absl::StatusOr<Command> Parse(const v1::ConfirmAllocationRequest& in) {
  Fields fields;
  const OfferName name = ParseAllocationName(fields, "name", in.name());
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return Command{name.owner, {}, ConfirmAllocation{name.request, name.number}};
}

absl::StatusOr<Command> Parse(const v1::WithdrawAllocationRequest& in) {
  Fields fields;
  const OfferName name = ParseAllocationName(fields, "name", in.name());
  WithdrawAllocation withdraw{name.request, name.number,
                              fields.Text("text", in.text(), 0, kLongestReason)};
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return Command{name.owner, {}, std::move(withdraw)};
}

absl::StatusOr<Command> Parse(const v1::TollOfferRequest& in) {
  Fields fields;
  const OfferName name = ParseOfferName(fields, "name", in.name());
  TollOffer toll{name.request, name.number};
  toll.added = fields.Span("added", in.added());
  // A malformed duration is zero here, and was complained about.
  if (toll.added == Span{} && in.added().seconds() == 0 && in.added().nanos() < 1000 &&
      in.added().nanos() >= 0) {
    fields.Complain("added", "nothing", "how much time is added: a microsecond or more");
  }
  toll.text = fields.Text("text", in.text(), 1, kLongestReason);
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return Command{name.owner, {}, std::move(toll)};
}

absl::StatusOr<Command> Parse(const v1::VoidOfferRequest& in) {
  Fields fields;
  const OfferName name = ParseOfferName(fields, "name", in.name());
  VoidOffer end{name.request, name.number, fields.Text("text", in.text(), 1, kLongestReason)};
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return Command{name.owner, {}, std::move(end)};
}

absl::StatusOr<OffersQuery> Parse(const v1::ListOffersRequest& in) {
  Fields fields;
  OffersQuery query;
  query.provider = fields.Provider("parent", in.parent());
  for (int i = 0; i < in.states_size(); ++i) {
    if (!v1::Offer::State_IsValid(in.states(i)) || in.states(i) == v1::Offer::STATE_UNSPECIFIED) {
      fields.Complain(Path("states", i), Cat(static_cast<int>(in.states(i))),
                      "a known state, 1 to 9");
    }
    query.states.push_back(StateOf(in.states(i)));
  }
  query.page = {fields.PageSize(in.page_size()), in.page_token()};
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return query;
}

absl::StatusOr<OfferName> Parse(const v1::GetOfferRequest& in) {
  Fields fields;
  OfferName name = ParseOfferName(fields, "name", in.name());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return name;
}

absl::StatusOr<DeskQuery> Parse(const v1::WatchOffersRequest& in) {
  Fields fields;
  DeskQuery query{fields.Provider("parent", in.parent())};
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return query;
}

}  // namespace capbroker
