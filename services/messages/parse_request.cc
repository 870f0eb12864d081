// Parsing of CapacityRequestService's messages.
#include <algorithm>
#include <utility>

#include "broker/values/text.h"
#include "services/messages/fields.h"
#include "services/messages/parse.h"
#include "services/messages/parse_values.h"
#include "services/messages/records.h"

namespace capbroker {
namespace {

constexpr char kRequestField[] = "capacity_request";
constexpr int kMostSegments = 32;
constexpr int kMostConditions = 32;
constexpr int kMostLabels = 64;
constexpr int kMostDrafts = 8;

std::vector<Segment> ReadSegments(Fields& fields, const Path& up, const v1::CapacityRequest& in) {
  std::vector<Segment> segments;
  if (!fields.Count(Path(up, "segments"), in.segments_size(), 1, kMostSegments)) return segments;
  for (int i = 0; i < in.segments_size(); ++i) {
    const v1::Segment& segment = in.segments(i);
    const Path at(up, "segments", i);
    Segment& added = segments.emplace_back();
    added.workload_class = fields.Word(Path(at, "workload_class"), segment.workload_class());
    if (!segment.purpose().empty())
      added.purpose = fields.Word(Path(at, "purpose"), segment.purpose());
    added.quantity = fields.Quantity(Path(at, "quantity"), segment.quantity(), 1);
  }
  return segments;
}

Fallback ReadFallback(Fields& fields, const Path& at, const v1::FallbackPolicy& in) {
  Fallback fallback;
  TakeRecord(fields, at, in, fallback);
  if (!in.has_step_window()) fallback.step_window = kDefaultStepWindow;
  return fallback;
}

std::vector<Label> ReadLabels(Fields& fields, const Path& up, const v1::CapacityRequest& in) {
  std::vector<Label> labels;
  const Path at(up, "labels");
  if (!fields.Count(at, static_cast<int>(in.labels_size()), 0, kMostLabels)) return labels;
  for (const auto& [key, value] : in.labels()) {
    labels.push_back({fields.Text(at, key, 1, 63), fields.Text(at, value, 0, 256)});
  }
  // A map has no order, and equal labels must give equal records.
  std::sort(labels.begin(), labels.end(),
            [](const Label& a, const Label& b) { return a.key < b.key; });
  return labels;
}

PageQuery ReadPage(Fields& fields, int32_t size, const std::string& token) {
  return {fields.PageSize(size), token};
}

RequestState StateOf(v1::CapacityRequest::State state) {
  switch (state) {
    case v1::CapacityRequest::STATE_RECEIVED:
      return RequestState::kReceived;
    case v1::CapacityRequest::STATE_HOLDER_ROUND:
      return RequestState::kHolderRound;
    case v1::CapacityRequest::STATE_FALLBACK:
      return RequestState::kFallback;
    case v1::CapacityRequest::STATE_MATCH_ROUND:
      return RequestState::kMatchRound;
    case v1::CapacityRequest::STATE_CONFIRMING:
      return RequestState::kConfirming;
    case v1::CapacityRequest::STATE_FULFILLED:
      return RequestState::kFulfilled;
    case v1::CapacityRequest::STATE_PARTIALLY_FULFILLED:
      return RequestState::kPartiallyFulfilled;
    case v1::CapacityRequest::STATE_UNFILLED:
      return RequestState::kUnfilled;
    case v1::CapacityRequest::STATE_CANCELLED:
      return RequestState::kCancelled;
    case v1::CapacityRequest::STATE_EXPIRED:
      return RequestState::kExpired;
    default:
      return RequestState::kBlocked;
  }
}

// Accepting and leaving a counter have the same fields.
template <class Message>
absl::StatusOr<Command> ReadCounterAnswer(const Message& in, bool take) {
  Fields fields;
  const OfferName name = ParseOfferName(fields, "name", in.name());
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return Command{name.owner, {}, AnswerCounter{name.request, name.number, take}};
}

}  // namespace

Terms ReadTerms(Fields& fields, const Path& at, const v1::Terms& in, int64_t least) {
  Terms terms;
  terms.resource_type = fields.Name(Path(at, "resource_type"), in.resource_type());
  terms.region = fields.Name(Path(at, "region"), in.region());
  terms.quantity = fields.Quantity(Path(at, "quantity"), in.quantity(), least);
  terms.unit = fields.Name(Path(at, "unit"), in.unit());
  terms.start = fields.Time(Path(at, "start_time"), in.start_time());
  terms.end = fields.Time(Path(at, "end_time"), in.end_time());
  const Path price(at, "unit_price");
  terms.unit_price = fields.Money(price, in.unit_price());
  if (terms.unit_price.micros < 0) fields.Complain(price, Format(terms.unit_price), "0 or more");
  terms.availability_ppm =
      fields.Number(Path(at, "availability_ppm"), in.availability_ppm(), 0, 1'000'000);
  const Path conditions(at, "conditions");
  if (fields.Count(conditions, in.conditions_size(), 0, kMostConditions)) {
    for (int i = 0; i < in.conditions_size(); ++i) {
      terms.conditions.push_back(fields.Text(Path(at, "conditions", i), in.conditions(i), 1, 256));
    }
  }
  return terms;
}

Request ReadRequest(Fields& fields, const Path& at, const v1::CapacityRequest& in) {
  Request request;
  request.labels = ReadLabels(fields, at, in);
  request.segments = ReadSegments(fields, at, in);
  request.terms = ReadTerms(fields, Path(at, "terms"), in.terms(), 0);
  if (request.terms.quantity == 0) {
    for (const Segment& segment : request.segments)
      request.terms.quantity += std::clamp<int64_t>(segment.quantity, 0, kMostQuantity);
  }
  if (in.has_price_cap()) request.price_cap = fields.Money(Path(at, "price_cap"), in.price_cap());
  request.splittable = in.splittable();
  request.smallest_useful =
      fields.Quantity(Path(at, "smallest_useful_quantity"), in.smallest_useful_quantity(), 0);
  request.renewal = in.renewal();
  request.accept_late = in.accept_late();
  request.fallback = ReadFallback(fields, Path(at, "fallback_policy"), in.fallback_policy());
  request.needed_by = in.has_needed_by_time()
                          ? fields.Time(Path(at, "needed_by_time"), in.needed_by_time())
                          : request.terms.start;
  request.expiry = in.has_expire_time() ? fields.Time(Path(at, "expire_time"), in.expire_time())
                                        : request.needed_by;
  return request;
}

absl::StatusOr<Command> Parse(const v1::CreateCapacityRequestRequest& in) {
  Fields fields;
  Command command;
  command.owner = fields.Owner("parent", in.parent());
  command.what = CreateRequest{ReadRequest(fields, kRequestField, in.capacity_request())};
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return command;
}

absl::StatusOr<Command> Parse(const v1::AmendCapacityRequestRequest& in) {
  Fields fields;
  const RequestName name = ParseRequestName(fields, "name", in.name());
  AmendRequest amend{name.request, ReadRequest(fields, kRequestField, in.capacity_request())};
  amend.next.id = name.request;
  const int64_t base = fields.Number("base_version", in.base_version(), 0, 1'000'000'000);
  amend.next.version = base > 0 ? static_cast<uint32_t>(base) + 1 : 0;
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return Command{name.owner, {}, std::move(amend)};
}

absl::StatusOr<PlanQuery> Parse(const v1::PlanCapacityRequestRequest& in) {
  Fields fields;
  PlanQuery query;
  query.owner = fields.Owner("parent", in.parent());
  if (!in.name().empty()) {
    const RequestName name = ParseRequestName(fields, "name", in.name());
    query.known = name.request;
    if (name.request.IsSet() && name.owner != query.owner) {
      fields.Complain("name", Quoted(in.name()),
                      Cat("a request of ", Quoted(in.parent()), ", the parent"));
    }
  }
  if (in.name().empty() || in.has_capacity_request()) {
    query.request = ReadRequest(fields, kRequestField, in.capacity_request());
  }
  if (fields.Count("agreement_drafts", in.agreement_drafts_size(), 0, kMostDrafts)) {
    for (int i = 0; i < in.agreement_drafts_size(); ++i) {
      const v1::AgreementDraft& draft = in.agreement_drafts(i);
      const Path at("agreement_drafts", i);
      AgreementVersion version = ReadVersion(fields, Path(at, "version"), draft.version());
      version.agreement.value = fields.Name(Path(at, "agreement_id"), draft.agreement_id());
      if (!draft.holder().empty())
        version.holder = fields.Provider(Path(at, "holder"), draft.holder());
      query.drafts.push_back(std::move(version));
    }
  }
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return query;
}

absl::StatusOr<Command> Parse(const v1::CancelCapacityRequestRequest& in) {
  Fields fields;
  const RequestName name = ParseRequestName(fields, "name", in.name());
  Command command{name.owner,
                  {},
                  CancelRequest{name.request, fields.Text("text", in.text(), 0, kLongestReason)}};
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return command;
}

absl::StatusOr<Command> Parse(const v1::ExtendOfferRequest& in) {
  Fields fields;
  const OfferName name = ParseOfferName(fields, "name", in.name());
  Command command{name.owner,
                  {},
                  ExtendOffer{name.request, name.number, fields.Time("deadline", in.deadline())}};
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return command;
}

absl::StatusOr<Command> Parse(const v1::AcceptCounterRequest& in) {
  return ReadCounterAnswer(in, true);
}
absl::StatusOr<Command> Parse(const v1::LeaveCounterRequest& in) {
  return ReadCounterAnswer(in, false);
}

absl::StatusOr<Command> Parse(const v1::ReleaseAllocationRequest& in) {
  Fields fields;
  const OfferName name = ParseAllocationName(fields, "name", in.name());
  Command command{name.owner,
                  {},
                  ReleaseAllocation{name.request, name.number,
                                    fields.Text("text", in.text(), 0, kLongestReason)}};
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return command;
}

absl::StatusOr<RequestName> Parse(const v1::GetCapacityRequestRequest& in) {
  Fields fields;
  RequestName name = ParseRequestName(fields, "name", in.name());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return name;
}

absl::StatusOr<RequestsQuery> Parse(const v1::ListCapacityRequestsRequest& in) {
  Fields fields;
  RequestsQuery query;
  query.owner = fields.Owner("parent", in.parent());
  for (int i = 0; i < in.states_size(); ++i) {
    if (!v1::CapacityRequest::State_IsValid(in.states(i)) ||
        in.states(i) == v1::CapacityRequest::STATE_UNSPECIFIED) {
      fields.Complain(Path("states", i), Cat(static_cast<int>(in.states(i))),
                      "a known state, 1 to 11");
    }
    query.states.push_back(StateOf(in.states(i)));
  }
  query.page = ReadPage(fields, in.page_size(), in.page_token());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return query;
}

absl::StatusOr<WatchQuery> Parse(const v1::WatchCapacityRequestsRequest& in) {
  Fields fields;
  WatchQuery query;
  query.owner = fields.Owner("parent", in.parent());
  if (!in.name().empty()) {
    const RequestName name = ParseRequestName(fields, "name", in.name());
    query.request = name.request;
    if (name.request.IsSet() && name.owner != query.owner) {
      fields.Complain("name", Quoted(in.name()),
                      Cat("a request of ", Quoted(in.parent()), ", the parent"));
    }
  }
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return query;
}

absl::StatusOr<DecisionsQuery> Parse(const v1::ListDecisionsRequest& in) {
  Fields fields;
  const TrailName name = ParseTrailName(fields, "parent", in.parent());
  DecisionsQuery query{name.owner, name.request};
  if (!v1::DecisionOrder_IsValid(in.order())) {
    fields.Complain("order", Cat(static_cast<int>(in.order())), "a known order, 0 to 2");
  }
  query.newest_first = in.order() == v1::DECISION_ORDER_NEWEST_FIRST;
  query.page = ReadPage(fields, in.page_size(), in.page_token());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return query;
}

absl::StatusOr<TrailName> Parse(const v1::ExportEvidenceRequest& in) {
  Fields fields;
  TrailName name = ParseTrailName(fields, "parent", in.parent());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return name;
}

absl::StatusOr<TrailName> Parse(const v1::GetCheckpointRequest& in) {
  Fields fields;
  TrailName name = ParseTrailName(fields, "owner", in.owner());
  if (name.request.IsSet())
    fields.Complain("owner", Quoted(in.owner()), "owners/{owner} or providers");
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return name;
}

}  // namespace capbroker
