// Agreements as messages, and what stands beside them.
#include "services/messages/records.h"
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

}  // namespace

void Render(const AgreementVersion& version, v1::AgreementVersion* out) {
  PutRecord(version, *out);
}

void Render(const Account& account, const AgreementVersion& version, Instant now,
            v1::AgreementVersion* out) {
  const Instant end = account.EndOfVersion(version);
  Render(version, out);
  if (end != kLastInstant) Render(end, out->mutable_effective_to());
  out->set_state(StateAt(version, end, now));
}

void Render(const OwnerId& owner, const Account& account, const AgreementVersion& latest,
            Instant now, v1::Agreement* out) {
  out->set_name(FullName(AgreementName{owner, latest.agreement}));
  out->set_holder(FullName(latest.holder));
  Render(account, latest, now, out->mutable_latest_version());
  for (const Termination& said : account.terminations) {
    if (said.agreement != latest.agreement) continue;
    v1::Termination* added = out->add_terminations();
    added->set_version(static_cast<int32_t>(said.version));
    if (said.by_owner.IsSet()) Render(said.by_owner, added->mutable_owner_end_time());
    if (said.by_holder.IsSet()) Render(said.by_holder, added->mutable_holder_end_time());
  }
}

void Render(const Clause& clause, v1::Clause* out) { PutRecord(clause, *out); }

void Render(const OwnerId& owner, const Account& account, const GrantedWaiver& waiver,
            v1::GrantedWaiver* out) {
  const Grant& grant = *waiver.grant;
  out->set_name(FullName(ClauseName{owner, grant.agreement, grant.waiver.id}, kWaivers));
  Render(grant.waiver, out->mutable_clause());
  if (!grant.provider.empty()) out->set_provider(FullName(grant.provider));
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
  if (trigger.evidence != Hash{}) out->set_evidence(Bytes(trigger.evidence));
  for (const Assertion::Signature& signature : trigger.signatures) {
    v1::TriggerAssertion::Signature* added = out->add_signatures();
    added->set_party(signature.party);
    if (signature.measure.IsSet()) Render(signature.measure, added->mutable_measure());
  }
}

void Render(const Finding& finding, v1::Finding* out) {
  out->set_severity(finding.severity == Severity::kError ? v1::Finding::SEVERITY_ERROR
                                                         : v1::Finding::SEVERITY_WARNING);
  out->set_code(finding.code);
  out->set_field(finding.field);
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
