// Agreement versions, activated in order and never changed; waivers that holders write beside them.
#include <algorithm>
#include <utility>

#include "broker/deciding/deciding.h"
#include "broker/deciding/lint.h"
#include "broker/deciding/validate.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

absl::Status NoAgreement(const AgreementId& agreement) {
  return Refuse(absl::StatusCode::kNotFound, "NOT_FOUND",
                Cat("no agreement ", agreement.value, " in force of which you are the holder"));
}

// Whether `known` is what `given` says, but for the end that a later version gave it.
bool IsSame(const AgreementVersion& known, AgreementVersion given) {
  given.effective_to = known.effective_to;
  return known == given;
}

}  // namespace

absl::StatusOr<Verdict> Deciding::On(const ActivateAgreement& activate) const {
  if (absl::Status status = CheckActor(Role::kOperator); !status.ok()) return status;
  AgreementVersion version = activate.version;
  const AgreementVersion* latest = book.account.Latest(version.agreement);
  const uint32_t next = latest == nullptr ? 1 : latest->version + 1;
  if (version.version == 0) version.version = next;
  if (absl::Status status = Validate(version); !status.ok()) return status;
  if (directory.Find(version.holder) == nullptr) {
    return Invalid("holder", Cat("\"", version.holder.value, "\""), "a registered provider");
  }
  if (version.version < next) {
    if (IsSame(*book.account.Find(version.agreement, version.version), version)) return Verdict{};
    return Refuse(absl::StatusCode::kAlreadyExists, "VERSION_CONFLICT",
                  Cat("version ", version.version, " of ", version.agreement.value,
                      " says otherwise and is immutable; the next is ", next),
                  {{"next_version", Cat(next)}});
  }
  if (version.version > next) return Invalid("version", Cat(version.version), Cat(next));
  Verdict verdict;
  if (latest != nullptr) {
    if (latest->holder != version.holder)
      return Invalid("holder", version.holder.value, latest->holder.value);
    if (version.effective_from <= latest->effective_from) {
      return Invalid(
          "effective_from", Format(version.effective_from),
          Cat("a time after version ", latest->version, "'s, ", Format(latest->effective_from)));
    }
    for (const Clause& before : latest->clauses) {
      const Clause* after = FindClause(version, before.id);
      const auto* was = As<CommitmentClause>(before);
      const auto* is = after == nullptr ? nullptr : As<CommitmentClause>(*after);
      if (was == nullptr || is == nullptr) continue;
      if (is->amount.currency != was->amount.currency || is->amount.micros < was->amount.micros) {
        return Invalid(Cat("clauses[", after - version.clauses.data(), "].commitment.amount"),
                       Format(is->amount),
                       Cat("at least version ", latest->version, "'s, ", Format(was->amount)));
      }
    }
    if (!latest->effective_to.IsSet() || latest->effective_to > version.effective_from) {
      Decision superseded{.kind = Kind::AGREEMENT_SUPERSEDED};
      superseded.clause = {latest->agreement, latest->version, {}};
      superseded.provider = latest->holder;
      superseded.until = version.effective_from;
      verdict.decisions.push_back(std::move(superseded));
    }
  }
  if (absl::Status status = RefusalOf(Lint(version, book.owner, book.account, directory));
      !status.ok())
    return status;
  Decision activated{.kind = Kind::AGREEMENT_ACTIVATED};
  activated.clause = {version.agreement, version.version, {}};
  activated.provider = version.holder;
  activated.agreement = std::make_shared<const AgreementVersion>(version);
  verdict.decisions.push_back(std::move(activated));
  for (const Clause& clause : version.clauses) {
    const Clause* before = latest == nullptr ? nullptr : FindClause(*latest, clause.id);
    const auto* was = before == nullptr ? nullptr : As<CommitmentClause>(*before);
    const auto* is = As<CommitmentClause>(clause);
    if (is == nullptr || was == nullptr || is->amount.micros == was->amount.micros) continue;
    Decision increased{.kind = Kind::COMMITMENT_INCREASED};
    increased.clause = RefOf(version, clause);
    increased.provider = version.holder;
    increased.amount = {is->amount.micros - was->amount.micros, is->amount.currency};
    verdict.decisions.push_back(std::move(increased));
  }
  return verdict;
}

// R19, R20.
absl::StatusOr<Verdict> Deciding::On(const GrantWaiver& command) const {
  if (absl::Status status = CheckActor(Role::kProvider); !status.ok()) return status;
  Grant grant = command.grant;
  const AgreementVersion* version = FindHeld(grant.agreement);
  if (version == nullptr) return NoAgreement(grant.agreement);
  if (absl::Status status = ValidateWaiver(*version, grant.waiver); !status.ok()) return status;
  if (const GrantedWaiver* known = book.account.FindGrant(grant.agreement, grant.waiver.id);
      known != nullptr) {
    grant.version = known->grant->version;
    if (*known->grant == grant && !known->revoked.IsSet()) return Verdict{};
    return Refuse(
        absl::StatusCode::kAlreadyExists, "ALREADY_EXISTS",
        Cat("waiver ", Format(known->ref()),
            known->revoked.IsSet() ? " was revoked" : " says otherwise", "; choose another id"));
  }
  for (const auto& any : book.account.agreements) {
    if (any->agreement != grant.agreement || FindClause(*any, grant.waiver.id) == nullptr) continue;
    return Refuse(absl::StatusCode::kAlreadyExists, "ALREADY_EXISTS",
                  Cat("clause ", grant.waiver.id.value, " of version ", any->version,
                      " has this id; choose another"));
  }
  grant.version = version->version;
  Decision granted{.kind = Kind::WAIVER_GRANTED};
  granted.clause = {grant.agreement, grant.version, grant.waiver.id};
  granted.provider = version->holder;
  granted.grant = std::make_shared<const Grant>(std::move(grant));
  return Verdict{{std::move(granted)}, {}};
}

// R20: what was routed under it stays.
absl::StatusOr<Verdict> Deciding::On(const RevokeWaiver& revoke) const {
  if (absl::Status status = CheckActor(Role::kProvider); !status.ok()) return status;
  const AgreementVersion* version = FindHeld(revoke.agreement);
  if (version == nullptr) return NoAgreement(revoke.agreement);
  const GrantedWaiver* waiver = book.account.FindGrant(revoke.agreement, revoke.waiver);
  if (waiver == nullptr) {
    return Refuse(
        absl::StatusCode::kNotFound, "NOT_FOUND",
        Cat("no waiver ", revoke.waiver.value, " written beside ", revoke.agreement.value));
  }
  if (waiver->revoked.IsSet()) return Verdict{};
  if (absl::Status status = CheckText("text", revoke.text); !status.ok()) return status;
  Decision revoked{.kind = Kind::WAIVER_REVOKED};
  revoked.clause = waiver->ref();
  revoked.provider = version->holder;
  revoked.text = revoke.text;
  return Verdict{{std::move(revoked)}, {}};
}

const AgreementVersion* Deciding::FindHeld(const AgreementId& agreement) const {
  for (const AgreementVersion* version : book.account.InForce(now)) {
    if (version->agreement == agreement && version->holder.value == actor.name) return version;
  }
  return nullptr;
}

}  // namespace capbroker
