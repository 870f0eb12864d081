// Agreements as messages.
#include "services/rpc/render.h"
#include "services/rpc/render_values.h"
#include "services/rpc/resource_name.h"

namespace capbroker {
namespace {

// Position in its life. Whichever end came first gave it its state: the next version, or its own term.
v1::AgreementVersion::State StateAt(const AgreementVersion& version, Instant now) {
  if (now < version.effective_from) return v1::AgreementVersion::STATE_DRAFT;
  const Instant end = EndOf(version);
  if (!end.IsSet() || now < end) return v1::AgreementVersion::STATE_ACTIVE;
  return end == version.effective_to ? v1::AgreementVersion::STATE_SUPERSEDED
                                     : v1::AgreementVersion::STATE_EXPIRED;
}

void Render(const Scope& scope, v1::Scope* out) {
  for (const std::string& word : scope.workload_classes) out->add_workload_classes(word);
  for (const std::string& word : scope.purposes) out->add_purposes(word);
  for (const std::string& word : scope.resource_types) out->add_resource_types(word);
  for (const std::string& word : scope.regions) out->add_regions(word);
  out->set_new_capacity_only(scope.new_capacity_only);
  out->set_min_quantity(scope.min_quantity);
  if (scope.delivery_from.IsSet()) Render(scope.delivery_from, out->mutable_delivery_start_time());
  if (scope.delivery_to.IsSet()) Render(scope.delivery_to, out->mutable_delivery_end_time());
}

// What exclusivities and first refusals share.
template <class Right>
void RenderRight(const Clause& clause, Right* out) {
  Render(clause.window, out->mutable_window());
  if (clause.partial) {
    out->mutable_partial_acceptance()->set_min_quantity(clause.min_quantity);
    out->mutable_partial_acceptance()->set_quantity_step(clause.quantity_step);
  }
  out->set_open_offers_at_end(clause.void_on_end ? v1::OPEN_OFFERS_AT_END_VOID
                                                 : v1::OPEN_OFFERS_AT_END_RUN_OFF);
  if (clause.toll_over > Span{}) Render(clause.toll_over, out->mutable_toll_over());
}

v1::FirstRefusal::Mode Rendered(Mode mode) {
  switch (mode) {
    case Mode::kFirstOffer:
      return v1::FirstRefusal::MODE_FIRST_OFFER;
    case Mode::kMatch:
      return v1::FirstRefusal::MODE_MATCH;
    case Mode::kFirstOfferThenMatch:
      return v1::FirstRefusal::MODE_FIRST_OFFER_THEN_MATCH;
  }
  return v1::FirstRefusal::MODE_UNSPECIFIED;
}

void RenderFirstRefusal(const Clause& clause, v1::FirstRefusal* out) {
  RenderRight(clause, out);
  out->set_mode(Rendered(clause.mode));
  out->set_priority(static_cast<int32_t>(clause.priority));
  out->set_price_tolerance_ppm(static_cast<int32_t>(clause.price_tolerance_ppm));
  if (clause.start_tolerance > Span{}) Render(clause.start_tolerance, out->mutable_start_tolerance());
}

void RenderWaiver(const Clause& clause, v1::Waiver* out) {
  for (const ClauseId& lifted : clause.lifts) out->add_lifted_clause_ids(lifted.value);
  out->set_min_share_ppm(static_cast<int32_t>(clause.min_share_ppm));
  out->set_cap_quantity(clause.cap_quantity);
  if (clause.from.IsSet()) Render(clause.from, out->mutable_start_time());
  if (clause.to.IsSet()) Render(clause.to, out->mutable_end_time());
}

void Render(const Clause& clause, v1::Clause* out) {
  out->set_id(clause.id.value);
  out->set_text(clause.text);
  if (clause.scope != Scope{}) Render(clause.scope, out->mutable_scope());
  switch (clause.kind) {
    case ClauseKind::kExclusivity:
      RenderRight(clause, out->mutable_exclusivity());
      break;
    case ClauseKind::kFirstRefusal:
      RenderFirstRefusal(clause, out->mutable_first_refusal());
      break;
    case ClauseKind::kWaiver:
      RenderWaiver(clause, out->mutable_waiver());
      break;
    case ClauseKind::kCommitment:
      Render(clause.amount, out->mutable_commitment()->mutable_amount());
      break;
    case ClauseKind::kTerm:
      Render(clause.term_end, out->mutable_term()->mutable_end_time());
      break;
    case ClauseKind::kTrigger:  // Cannot be said in this version of the API.
    case ClauseKind::kNoted:
      out->mutable_noted();
      break;
  }
}

}  // namespace

void Render(const AgreementVersion& version, Instant now, v1::AgreementVersion* out) {
  out->set_version(static_cast<int32_t>(version.version));
  Render(version.effective_from, out->mutable_effective_from());
  if (const Instant end = EndOf(version); end.IsSet()) Render(end, out->mutable_effective_to());
  for (const Clause& clause : version.clauses) Render(clause, out->add_clauses());
  out->set_text(version.text);
  out->set_state(StateAt(version, now));
}

void Render(const OwnerId& owner, const AgreementVersion& latest, Instant now, v1::Agreement* out) {
  out->set_name(FullName(AgreementName{owner, latest.agreement}));
  out->set_provider(FullName(latest.holder));
  Render(latest, now, out->mutable_latest_version());
}

}  // namespace capbroker
