#include "services/messages/render.h"

#include <algorithm>

#include "broker/trail/canonical.h"
#include "broker/trail/describe.h"
#include "broker/values/text.h"
#include "services/messages/records.h"
#include "services/messages/render_values.h"
#include "services/messages/resource_name.h"

namespace capbroker {

void Render(Instant t, google::protobuf::Timestamp* out) {
  out->set_seconds(t.micros / 1'000'000);
  out->set_nanos(static_cast<int32_t>(t.micros % 1'000'000 * 1000));
}

void Render(Span d, google::protobuf::Duration* out) {
  out->set_seconds(d.micros / 1'000'000);
  out->set_nanos(static_cast<int32_t>(d.micros % 1'000'000 * 1000));
}

void Render(const Money& amount, v1::Money* out) {
  out->set_currency_code(std::string(amount.currency.view()));
  out->set_units(amount.micros / 1'000'000);
  out->set_nanos(static_cast<int32_t>(amount.micros % 1'000'000 * 1000));
}

void Render(const OwnerId& owner, const ClauseRef& ref, v1::ClauseRef* out) {
  out->set_agreement(FullName(AgreementName{owner, ref.agreement}));
  out->set_version(static_cast<int32_t>(ref.version));
  out->set_clause_id(ref.clause.value);
}

std::string Bytes(const Hash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

v1::CapacityRequest::State Rendered(RequestState state) {
  switch (state) {
    case RequestState::kReceived:
      return v1::CapacityRequest::STATE_RECEIVED;
    case RequestState::kHolderRound:
      return v1::CapacityRequest::STATE_HOLDER_ROUND;
    case RequestState::kFallback:
      return v1::CapacityRequest::STATE_FALLBACK;
    case RequestState::kMatchRound:
      return v1::CapacityRequest::STATE_MATCH_ROUND;
    case RequestState::kConfirming:
      return v1::CapacityRequest::STATE_CONFIRMING;
    case RequestState::kBlocked:
      return v1::CapacityRequest::STATE_BLOCKED;
    case RequestState::kFulfilled:
      return v1::CapacityRequest::STATE_FULFILLED;
    case RequestState::kPartiallyFulfilled:
      return v1::CapacityRequest::STATE_PARTIALLY_FULFILLED;
    case RequestState::kUnfilled:
      return v1::CapacityRequest::STATE_UNFILLED;
    case RequestState::kCancelled:
      return v1::CapacityRequest::STATE_CANCELLED;
    case RequestState::kExpired:
      return v1::CapacityRequest::STATE_EXPIRED;
  }
  return v1::CapacityRequest::STATE_UNSPECIFIED;
}

v1::Offer::State Rendered(OfferState state) {
  switch (state) {
    case OfferState::kOpen:
      return v1::Offer::STATE_OPEN;
    case OfferState::kAccepted:
      return v1::Offer::STATE_ACCEPTED;
    case OfferState::kPartiallyAccepted:
      return v1::Offer::STATE_PARTIALLY_ACCEPTED;
    case OfferState::kCountered:
      return v1::Offer::STATE_COUNTERED;
    case OfferState::kDeclined:
      return v1::Offer::STATE_DECLINED;
    case OfferState::kLapsed:
      return v1::Offer::STATE_LAPSED;
    case OfferState::kRescinded:
      return v1::Offer::STATE_RESCINDED;
    case OfferState::kSuperseded:
      return v1::Offer::STATE_SUPERSEDED;
    case OfferState::kVoided:
      return v1::Offer::STATE_VOIDED;
  }
  return v1::Offer::STATE_UNSPECIFIED;
}

v1::Offer::Kind Rendered(OfferKind kind) {
  switch (kind) {
    case OfferKind::kNone:
      return v1::Offer::KIND_UNSPECIFIED;
    case OfferKind::kExclusiveAsk:
      return v1::Offer::KIND_EXCLUSIVE_ASK;
    case OfferKind::kFirstOffer:
      return v1::Offer::KIND_FIRST_OFFER;
    case OfferKind::kMatch:
      return v1::Offer::KIND_MATCH;
    case OfferKind::kAlternative:
      return v1::Offer::KIND_ALTERNATIVE;
    case OfferKind::kReoffer:
      return v1::Offer::KIND_REOFFER;
  }
  return v1::Offer::KIND_UNSPECIFIED;
}

v1::DeclineReason Rendered(DeclineReason reason) {
  switch (reason) {
    case DeclineReason::kNone:
      return v1::DECLINE_REASON_UNSPECIFIED;
    case DeclineReason::kNoCapacity:
      return v1::DECLINE_REASON_NO_CAPACITY;
    case DeclineReason::kPrice:
      return v1::DECLINE_REASON_PRICE;
    case DeclineReason::kTiming:
      return v1::DECLINE_REASON_TIMING;
    case DeclineReason::kTerms:
      return v1::DECLINE_REASON_TERMS;
    case DeclineReason::kPolicy:
      return v1::DECLINE_REASON_POLICY;
    case DeclineReason::kCannotSupport:
      return v1::DECLINE_REASON_CANNOT_SUPPORT;
    case DeclineReason::kOther:
      return v1::DECLINE_REASON_OTHER;
  }
  return v1::DECLINE_REASON_UNSPECIFIED;
}

v1::Allocation::State Rendered(AllocationState state) {
  switch (state) {
    case AllocationState::kNone:
      return v1::Allocation::STATE_UNSPECIFIED;
    case AllocationState::kHeld:
      return v1::Allocation::STATE_HELD;
    case AllocationState::kConfirmed:
      return v1::Allocation::STATE_CONFIRMED;
    case AllocationState::kReleased:
      return v1::Allocation::STATE_RELEASED;
    case AllocationState::kWithdrawn:
      return v1::Allocation::STATE_WITHDRAWN;
    case AllocationState::kExpired:
      return v1::Allocation::STATE_EXPIRED;
  }
  return v1::Allocation::STATE_UNSPECIFIED;
}

namespace {

v1::Route RenderedRoute(Kind kind) {
  switch (kind) {
    case Kind::ROUTE_EXCLUSIVE:
      return v1::ROUTE_EXCLUSIVE;
    case Kind::ROUTE_FIRST_REFUSAL:
      return v1::ROUTE_FIRST_REFUSAL;
    case Kind::ROUTE_WAIVED:
      return v1::ROUTE_WAIVED;
    case Kind::ROUTE_OPEN:
      return v1::ROUTE_OPEN;
    default:
      return v1::ROUTE_UNSPECIFIED;
  }
}

void Render(const Segment& segment, v1::Segment* out) {
  out->set_workload_class(segment.workload_class);
  out->set_purpose(segment.purpose);
  out->set_quantity(segment.quantity);
}

void Render(const OwnerId& owner, const Passed& passed, v1::PassedOver* out) {
  if (passed.clause.IsSet()) Render(owner, passed.clause, out->mutable_clause());
  if (!passed.provider.empty()) out->set_provider(FullName(passed.provider));
  out->set_reason(passed.reason);
  out->set_text(passed.text);
}

// The segments of a lineage, from `request`, the version that it was routed from.
void RenderSegments(const Request& request, const Lineage& lineage, auto* out) {
  for (const SegmentUnits& units : lineage.segments) {
    if (units.segment < request.segments.size())
      Render(request.segments[units.segment], out->add_segments());
  }
}

void Render(const OwnerId& owner, const Request& request, const Lineage& lineage,
            v1::Lineage* out) {
  out->set_number(static_cast<int32_t>(lineage.number));
  RenderSegments(request, lineage, out);
  out->set_quantity(lineage.units.Total());
  out->set_route(RenderedRoute(lineage.route));
  for (const Right& right : lineage.rights) {
    Render(owner, right.clause, out->add_clauses());
    v1::Right* added = out->add_rights();
    Render(owner, right.clause, added->mutable_clause());
    added->set_done(right.state != Right::State::kStanding);
    if (right.close_by.IsSet()) Render(right.close_by, added->mutable_close_by_time());
  }
  for (const ClauseRef& waiver : lineage.waivers) Render(owner, waiver, out->add_clauses());
  for (const Passed& passed : lineage.skipped) Render(owner, passed, out->add_passed_over());
}

// Of the allocation. Delivery is no decision; it follows from the time.
v1::Allocation::State StateAt(const Offer& offer, const Terms& terms, Instant now) {
  const AllocationState state = offer.allocation.state;
  const bool completed = state == AllocationState::kConfirmed && terms.end <= now;
  return completed ? v1::Allocation::STATE_COMPLETED : Rendered(state);
}

// The version of the request that a lineage was routed from.
const Request& VersionOf(const RequestBook& request, const Lineage& lineage) {
  return *request.versions[lineage.version - 1];
}

}  // namespace

void RenderAsked(const Request& request, v1::CapacityRequest* out) {
  for (const Label& label : request.labels) (*out->mutable_labels())[label.key] = label.value;
  for (const Segment& segment : request.segments) Render(segment, out->add_segments());
  Render(request.terms, out->mutable_terms());
  if (request.price_cap.IsSet()) Render(request.price_cap, out->mutable_price_cap());
  out->set_splittable(request.splittable);
  out->set_smallest_useful_quantity(request.smallest_useful);
  out->set_renewal(request.renewal);
  out->set_accept_late(request.accept_late);
  PutRecord(request.fallback, *out->mutable_fallback_policy());
  if (request.needed_by.IsSet()) Render(request.needed_by, out->mutable_needed_by_time());
  if (request.expiry.IsSet()) Render(request.expiry, out->mutable_expire_time());
  out->set_version(static_cast<int32_t>(request.version));
}

void Render(const Terms& terms, v1::Terms* out) {
  out->set_resource_type(terms.resource_type);
  out->set_region(terms.region);
  out->set_quantity(terms.quantity);
  out->set_unit(terms.unit);
  Render(terms.start, out->mutable_start_time());
  Render(terms.end, out->mutable_end_time());
  Render(terms.unit_price, out->mutable_unit_price());
  out->set_availability_ppm(static_cast<int32_t>(terms.availability_ppm));
  for (const std::string& condition : terms.conditions) out->add_conditions(condition);
}

void Render(const OwnerId& owner, const RequestBook& request, const Offer& offer, Instant now,
            Viewer viewer, v1::Offer* out) {
  const RequestId& id = request.request->id;
  out->set_name(FullName(OfferName{owner, id, offer.number}));
  out->set_capacity_request(FullName(RequestName{owner, id}));
  out->set_request_version(static_cast<int32_t>(offer.version));
  out->set_provider(FullName(offer.provider));
  out->set_kind(Rendered(offer.kind));
  out->set_state(Rendered(offer.state));
  Render(TermsOf(request, offer), out->mutable_terms());
  out->set_terms_hash(Bytes(offer.terms_hash));
  out->set_lineage(static_cast<int32_t>(offer.lineage));
  RenderSegments(request.VersionOf(offer), request.lineages[offer.lineage - 1], out);
  out->set_quantity(offer.quantity);
  out->set_min_quantity(offer.min_quantity);
  out->set_quantity_step(offer.quantity_step);
  if (offer.clause.IsSet()) Render(owner, offer.clause, out->mutable_clause());
  if (offer.replaces != 0) out->set_replaces(FullName(OfferName{owner, id, offer.replaces}));
  if (offer.successor != 0) out->set_superseded_by(FullName(OfferName{owner, id, offer.successor}));
  out->set_sealed(offer.sealed);
  out->set_standby(offer.promise == Promise::kReserve);
  out->set_allocation_state(AllocationStateOf(request, offer, now));
  Render(offer.opened, out->mutable_open_time());
  Render(offer.deadline, out->mutable_deadline());
  const bool is_open = offer.state == OfferState::kOpen;
  if (offer.sealed && offer.answer != nullptr && (viewer == Viewer::kAddressee || !is_open)) {
    Render(AgreedTermsOf(request, offer), out->mutable_bid()->mutable_terms());
    out->mutable_bid()->set_contingent_on(offer.contingent);
  }
  const Allocation& allocation = offer.allocation;
  if (allocation.state != AllocationState::kNone) out->set_accepted_quantity(allocation.quantity);
  if (allocation.confirm_by.IsSet()) Render(allocation.confirm_by, out->mutable_confirm_by_time());
  if (allocation.ends.IsSet()) Render(allocation.ends, out->mutable_withdraw_time());
  switch (offer.state) {
    case OfferState::kOpen:
      Render(std::max(offer.deadline - now, Span{}), out->mutable_remaining());
      break;
    case OfferState::kAccepted:
    case OfferState::kPartiallyAccepted:
      Render(offer.answered, out->mutable_answer_time());
      break;
    case OfferState::kCountered:
      Render(AgreedTermsOf(request, offer), out->mutable_counter()->mutable_terms());
      if (offer.promise == Promise::kCounter)
        Render(offer.take_by, out->mutable_counter()->mutable_take_by_time());
      Render(offer.answered, out->mutable_answer_time());
      break;
    case OfferState::kDeclined:
      out->mutable_decline()->set_reason(Rendered(offer.decline));
      out->mutable_decline()->set_text(offer.text);
      Render(offer.answered, out->mutable_answer_time());
      break;
    default:
      break;
  }
}

v1::Allocation::State AllocationStateOf(const RequestBook& request, const Offer& offer,
                                        Instant now) {
  return StateAt(offer, AgreedTermsOf(request, offer), now);
}

void Render(const OwnerId& owner, const RequestBook& request, const Offer& offer, Instant now,
            v1::Allocation* out) {
  out->set_name(AllocationName(OfferName{owner, request.request->id, offer.number}));
  out->set_provider(FullName(offer.provider));
  const Allocation& allocation = offer.allocation;
  out->set_quantity(allocation.quantity);
  Terms terms = AgreedTermsOf(request, offer);
  terms.quantity = allocation.quantity;
  out->set_state(StateAt(offer, terms, now));
  Render(terms, out->mutable_terms());
  // The act that records an acceptance also holds the allocation.
  Render(offer.answered, out->mutable_hold_time());
  if (allocation.confirmed.IsSet()) Render(allocation.confirmed, out->mutable_confirm_time());
  if (allocation.ended.IsSet()) Render(allocation.ended, out->mutable_end_time());
  if (allocation.confirm_by.IsSet()) Render(allocation.confirm_by, out->mutable_confirm_by_time());
  if (allocation.ends.IsSet()) Render(allocation.ends, out->mutable_withdraw_time());
}

void Render(const OwnerId& owner, const RequestBook& request, Instant now,
            v1::CapacityRequest* out) {
  RenderAsked(*request.request, out);
  out->set_name(FullName(RequestName{owner, request.request->id}));
  out->set_state(Rendered(request.state));
  Render(request.created, out->mutable_create_time());
  Render(request.updated, out->mutable_update_time());
  for (const Lineage& lineage : request.lineages)
    Render(owner, VersionOf(request, lineage), lineage, out->add_lineages());
  int64_t confirmed = 0;
  for (const Offer& offer : request.offers) {
    Render(owner, request, offer, now, Viewer::kOther, out->add_offers());
    if (offer.allocation.state == AllocationState::kNone) continue;
    Render(owner, request, offer, now, out->add_allocations());
  }
  for (const Lineage& lineage : request.lineages) confirmed += lineage.units.At(Place::kConfirmed);
  out->set_placed_quantity(request.Standing());
  out->set_confirmed_quantity(confirmed);
  for (const Passed& passed : request.reasons) Render(owner, passed, out->add_unfilled_reasons());
}

void Render(const OwnerId& owner, const Request& request, const Plan& plan, v1::Plan* out) {
  Render(plan.time, out->mutable_plan_time());
  for (const PlannedLineage& planned : plan.lineages) {
    v1::PlannedLineage* lineage = out->add_lineages();
    Render(owner, request, planned.lineage, lineage->mutable_lineage());
    for (const Passed& passed : planned.passed)
      Render(owner, passed, lineage->mutable_lineage()->add_passed_over());
    for (const PlannedStep& planned_step : planned.steps) {
      v1::PlannedStep* step = lineage->add_steps();
      step->set_provider(FullName(planned_step.offer.provider));
      step->set_kind(Rendered(planned_step.offer.kind));
      if (planned_step.offer.clause.IsSet())
        Render(owner, planned_step.offer.clause, step->mutable_clause());
      Render(planned_step.terms, step->mutable_terms());
      Render(planned_step.earliest_open, step->mutable_earliest_open_time());
      Render(planned_step.latest_deadline, step->mutable_latest_deadline());
      for (const Interval& counted : planned_step.counted) {
        v1::CountedTime* added = step->add_counted_times();
        Render(counted.from, added->mutable_start_time());
        Render(counted.to, added->mutable_end_time());
      }
    }
  }
  if (plan.latest_submit.IsSet()) Render(plan.latest_submit, out->mutable_latest_submit_time());
}

void Render(const Provider& provider, Detail detail, v1::Provider* out) {
  out->set_name(FullName(provider.id));
  out->set_display_name(provider.display_name);
  for (const std::string& member : provider.members) out->add_members(member);
  out->set_state(provider.suspended ? v1::Provider::STATE_SUSPENDED : v1::Provider::STATE_ACTIVE);
  out->set_unhealthy(provider.unhealthy);
  if (detail == Detail::kPublic) return;
  for (const Rate& rate : provider.rates) PutRecord(rate, *out->add_rates());
  for (const Limit& limit : provider.limits) PutRecord(limit, *out->add_limits());
  if (provider.endpoint.IsSet()) PutRecord(provider.endpoint, *out->mutable_endpoint());
  for (const ProviderId& affiliate : provider.affiliates) out->add_affiliates(FullName(affiliate));
}

absl::Status Render(const SealedAct& sealed, v1::Act* out) {
  const absl::StatusOr<Act> act = DecodeAct(sealed.text);
  if (!act.ok()) return act.status();
  out->set_owner(FullName(act->owner));
  out->set_sequence(static_cast<int64_t>(act->sequence));
  Render(act->time, out->mutable_time());
  out->set_actor(Format(act->actor));
  if (act->request.IsSet())
    out->set_capacity_request(FullName(RequestName{act->owner, act->request}));
  out->set_body(sealed.text);
  out->set_hash(Bytes(sealed.hash));
  for (const Decision& decision : act->decisions) {
    v1::Decision* added = out->add_decisions();
    added->set_number(out->decisions_size());
    added->set_kind(std::string(NameOf(decision.kind)));
    added->set_body(Encode(decision));
    added->set_text(Describe(decision));
  }
  return absl::OkStatus();
}

void Render(const OwnerId& owner, const BookRow* book, v1::Checkpoint* out) {
  out->set_owner(FullName(owner));
  out->set_hash(Bytes(book == nullptr ? Hash{} : book->hash));
  if (book == nullptr) return;
  out->set_sequence(static_cast<int64_t>(book->sequence));
  if (book->time.IsSet()) Render(book->time, out->mutable_time());
}

}  // namespace capbroker
