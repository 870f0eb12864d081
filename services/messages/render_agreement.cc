// Agreements as messages, and what stands beside them.
#include "broker/values/refusal.h"
#include "services/messages/parse.h"
#include "services/messages/render.h"
#include "services/messages/render_values.h"
#include "services/messages/resource_name.h"

namespace capbroker {
namespace {

// Position in its life. Whichever end came first gave it its state: a termination, the next
// version, or its own term.
v1::AgreementVersion::State StateAt(const AgreementVersion& version, Instant end, Instant now) {
  if (now < version.effective_from) return v1::AgreementVersion::STATE_DRAFT;
  if (now < end) return v1::AgreementVersion::STATE_ACTIVE;
  if (end != EndOf(version)) return v1::AgreementVersion::STATE_TERMINATED;
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
  if (scope.delivery_start_time.IsSet())
    Render(scope.delivery_start_time, out->mutable_delivery_start_time());
  if (scope.delivery_end_time.IsSet())
    Render(scope.delivery_end_time, out->mutable_delivery_end_time());
}

// One that says something: zero is left out.
void RenderSpan(Span d, auto&& field) {
  if (d > Span{}) Render(d, field());
}

// What exclusivities and first refusals share.
template <class Right>
void RenderAsking(const Asking& clause, Right* out) {
  Render(clause.window.span, out->mutable_window());
  if (clause.parts.allowed) {
    out->mutable_partial_acceptance()->set_min_quantity(clause.parts.min_quantity);
    out->mutable_partial_acceptance()->set_quantity_step(clause.parts.quantity_step);
  }
  out->set_open_offers_at_end(clause.void_on_end ? v1::OPEN_OFFERS_AT_END_VOID
                                                 : v1::OPEN_OFFERS_AT_END_RUN_OFF);
  RenderSpan(clause.toll_over, [&] { return out->mutable_toll_over(); });
  out->set_calendar(clause.calendar);
  RenderSpan(clause.min_remaining, [&] { return out->mutable_min_remaining(); });
  RenderSpan(clause.counter_window.span, [&] { return out->mutable_counter_window(); });
  RenderSpan(clause.confirm_within, [&] { return out->mutable_confirm_within(); });
  RenderSpan(clause.withdraw_notice, [&] { return out->mutable_withdraw_notice(); });
  RenderSpan(clause.aggregation_window, [&] { return out->mutable_aggregation_window(); });
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

void Render(const Exclusivity& clause, v1::Clause* out) {
  RenderAsking(clause.asking, out->mutable_exclusivity());
}

void Render(const FirstRefusal& clause, v1::Clause* whole) {
  v1::FirstRefusal* out = whole->mutable_first_refusal();
  RenderAsking(clause.asking, out);
  out->set_mode(Rendered(clause.mode));
  out->set_priority(static_cast<int32_t>(clause.priority));
  out->set_price_tolerance_ppm(static_cast<int32_t>(clause.price_tolerance_ppm));
  RenderSpan(clause.start_tolerance, [&] { return out->mutable_start_tolerance(); });
  RenderSpan(clause.match_window.span, [&] { return out->mutable_match_window(); });
  out->set_match_always(clause.match_always);
  out->set_contingent_bids(clause.contingent_bids);
  RenderSpan(clause.close_within, [&] { return out->mutable_close_within(); });
  out->set_reoffer(clause.reoffer);
}

void Render(const Waiver& clause, v1::Clause* whole) {
  v1::Waiver* out = whole->mutable_waiver();
  for (const ClauseId& lifted : clause.lifts) out->add_lifted_clause_ids(lifted.value);
  out->set_min_share_ppm(static_cast<int32_t>(clause.min_share_ppm));
  out->set_cap_quantity(clause.cap_quantity);
  if (clause.start_time.IsSet()) Render(clause.start_time, out->mutable_start_time());
  if (clause.end_time.IsSet()) Render(clause.end_time, out->mutable_end_time());
}

void Render(const TriggerClause& clause, v1::Clause* whole) {
  v1::Trigger* out = whole->mutable_trigger();
  for (const ClauseId& ended : clause.ends) out->add_ended_clause_ids(ended.value);
  for (const std::string& party : clause.attesters) out->add_attesters(party);
  out->set_quorum(static_cast<int32_t>(clause.quorum));
  if (clause.threshold.IsSet()) Render(clause.threshold, out->mutable_threshold());
  RenderSpan(clause.dispute_window, [&] { return out->mutable_dispute_window(); });
}

void Render(const Calendar& calendar, v1::Calendar* out) {
  out->set_id(calendar.id);
  out->set_time_zone(calendar.time_zone);
  for (const WeeklyHours& hours : calendar.hours) {
    v1::WeeklyHours* added = out->add_hours();
    added->set_weekday(static_cast<int32_t>(hours.weekday));
    added->set_start_minute(static_cast<int32_t>(hours.start_minute));
    added->set_end_minute(static_cast<int32_t>(hours.end_minute));
  }
  for (const std::string& day : calendar.holidays) out->add_holidays(day);
}

void Render(const CommitmentClause& clause, v1::Clause* out) {
  Render(clause.amount, out->mutable_commitment()->mutable_amount());
}
void Render(const Term& clause, v1::Clause* out) {
  Render(clause.end_time, out->mutable_term()->mutable_end_time());
}
void Render(const Noted&, v1::Clause* out) { out->mutable_noted(); }

void Render(const Clause& clause, v1::Clause* out) {
  out->set_id(clause.id.value);
  out->set_text(clause.text);
  if (clause.scope != Scope{}) Render(clause.scope, out->mutable_scope());
  std::visit([&](const auto& content) { Render(content, out); }, clause.content);
}

}  // namespace

void Render(const Account& account, const AgreementVersion& version, Instant now,
            v1::AgreementVersion* out) {
  const Instant end = account.EndOfVersion(version);
  out->set_version(static_cast<int32_t>(version.version));
  Render(version.effective_from, out->mutable_effective_from());
  if (end != kLastInstant) Render(end, out->mutable_effective_to());
  for (const Clause& clause : version.clauses) Render(clause, out->add_clauses());
  for (const Calendar& calendar : version.calendars) Render(calendar, out->add_calendars());
  out->set_text(version.text);
  out->set_state(StateAt(version, end, now));
}

void Render(const OwnerId& owner, const Account& account, const AgreementVersion& latest,
            Instant now, v1::Agreement* out) {
  out->set_name(FullName(AgreementName{owner, latest.agreement}));
  out->set_provider(FullName(latest.holder));
  Render(account, latest, now, out->mutable_latest_version());
  for (const Termination& said : account.terminations) {
    if (said.agreement != latest.agreement) continue;
    v1::Termination* added = out->add_terminations();
    added->set_version(static_cast<int32_t>(said.version));
    if (said.by_owner.IsSet()) Render(said.by_owner, added->mutable_owner_end_time());
    if (said.by_holder.IsSet()) Render(said.by_holder, added->mutable_holder_end_time());
  }
}

void Render(const OwnerId& owner, const Account& account, const GrantedWaiver& waiver,
            v1::GrantedWaiver* out) {
  const Grant& grant = *waiver.grant;
  out->set_name(FullName(ClauseName{owner, grant.agreement, grant.waiver.id}, kWaivers));
  Render(grant.waiver, out->mutable_clause());
  if (grant.request.IsSet()) out->set_capacity_request(FullName(RequestName{owner, grant.request}));
  if (!grant.provider.empty()) out->set_provider(FullName(grant.provider));
  out->set_version(static_cast<int32_t>(grant.version));
  Render(waiver.granted, out->mutable_grant_time());
  if (waiver.revoked.IsSet()) Render(waiver.revoked, out->mutable_revoke_time());
  out->set_drawn_quantity(account.WaiverDrawn(grant.agreement, grant.waiver.id));
}

v1::TriggerAssertion::State Rendered(TriggerState state) {
  switch (state) {
    case TriggerState::kAsserted:
      return v1::TriggerAssertion::STATE_ASSERTED;
    case TriggerState::kDisputed:
      return v1::TriggerAssertion::STATE_DISPUTED;
    case TriggerState::kAttested:
      return v1::TriggerAssertion::STATE_ATTESTED;
    case TriggerState::kEffective:
      return v1::TriggerAssertion::STATE_EFFECTIVE;
    case TriggerState::kRejected:
      return v1::TriggerAssertion::STATE_REJECTED;
    case TriggerState::kWithdrawn:
      return v1::TriggerAssertion::STATE_WITHDRAWN;
  }
  return v1::TriggerAssertion::STATE_UNSPECIFIED;
}

void Render(const OwnerId& owner, const Assertion& trigger, v1::TriggerAssertion* out) {
  out->set_name(
      FullName(ClauseName{owner, trigger.clause.agreement, trigger.clause.clause}, kTriggers));
  Render(owner, trigger.clause, out->mutable_clause());
  out->set_state(Rendered(trigger.state));
  out->set_asserted_by(trigger.asserted_by);
  out->set_disputed_by(trigger.disputed_by);
  Render(trigger.asserted, out->mutable_assert_time());
  if (trigger.disputable_until.IsSet())
    Render(trigger.disputable_until, out->mutable_dispute_by_time());
  for (const Assertion::Signature& signature : trigger.signatures) {
    v1::TriggerAssertion::Signature* added = out->add_signatures();
    added->set_party(signature.party);
    if (signature.measure.IsSet()) Render(signature.measure, added->mutable_measure());
  }
}

void Render(const AgreementVersion& version, const Finding& finding, v1::Finding* out) {
  out->set_severity(finding.severity == Severity::kError ? v1::Finding::SEVERITY_ERROR
                                                         : v1::Finding::SEVERITY_WARNING);
  out->set_code(finding.code);
  out->set_field(FieldOf(AsInMessage(version, Invalid(finding.field, "", ""))));
  out->set_text(finding.text);
}

void Render(const OwnerId& owner, const CommitmentStatement& statement, Instant now,
            v1::CommitmentStatement* out) {
  out->set_name(FullName(ClauseName{owner, statement.clause.agreement, statement.clause.clause},
                         kCommitments));
  Render(owner, statement.clause, out->mutable_clause());
  Render(now, out->mutable_statement_time());
  Render(statement.committed, out->mutable_committed());
  Render(statement.reserved, out->mutable_reserved());
  Render(statement.drawn, out->mutable_drawn());
  Render(statement.left, out->mutable_left());
  Render(statement.since, out->mutable_start_time());
  Render(statement.daily_pace, out->mutable_daily_pace());
  if (!statement.term_end.IsSet()) return;
  Render(statement.term_end, out->mutable_term_end_time());
  Render(statement.forecast_drawn, out->mutable_forecast_drawn());
  Render(statement.shortfall, out->mutable_shortfall());
}

}  // namespace capbroker
