// Agreement versions, activated in order and never changed; waivers that holders write beside them.
#include <algorithm>
#include <utility>

#include "broker/deciding/deciding.h"
#include "broker/deciding/lint.h"
#include "broker/deciding/validate.h"
#include "broker/trail/fold.h"
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

// R21: no version makes a commitment's balance negative, or counts it in another currency.
absl::Status CheckBalances(const Account& account, const AgreementVersion& version) {
  for (size_t i = 0; i < version.clauses.size(); ++i) {
    const auto* commitment = As<CommitmentClause>(version.clauses[i]);
    if (commitment == nullptr) continue;
    for (const CommitmentBalance& balance : account.commitments) {
      const int64_t used = balance.drawn.micros + balance.reserved.micros;
      const bool is_meant = balance.agreement == version.agreement &&
                            balance.clause == version.clauses[i].id && used > 0;
      if (!is_meant || (commitment->amount.currency == balance.committed.currency &&
                        commitment->amount.micros >= used))
        continue;
      return Invalid(Cat("clauses[", i, "].commitment.amount"), Format(commitment->amount),
                     Cat("at least ", Format({used, balance.committed.currency}),
                         ", what is drawn and reserved"));
    }
  }
  return absl::OkStatus();
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
      superseded.end_time = version.effective_from;
      verdict.decisions.push_back(std::move(superseded));
    }
  }
  if (absl::Status status = CheckBalances(book.account, version); !status.ok()) return status;
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

// R17: once owner and holder have both said so, from the later of their dates.
absl::StatusOr<Verdict> Deciding::On(const TerminateAgreement& terminate) const {
  const AgreementVersion* latest = book.account.Latest(terminate.agreement);
  const bool is_owner = actor.role == Role::kOwner && actor.name == book.owner.value;
  const bool is_holder =
      latest != nullptr && actor.role == Role::kProvider && actor.name == latest->holder.value;
  if (latest == nullptr || (actor.role == Role::kProvider && !is_holder)) {
    return Refuse(absl::StatusCode::kNotFound, "NOT_FOUND",
                  Cat("no agreement ", terminate.agreement.value, " of yours"));
  }
  if (!is_owner && !is_holder) return CheckActor(Role::kOwner);
  if (terminate.version != 0 &&
      book.account.Find(terminate.agreement, terminate.version) == nullptr) {
    return Invalid("version", Cat(terminate.version), Cat("1 to ", latest->version, ", or none"));
  }
  if (terminate.end_time < now || terminate.end_time >= kLastInstant) {
    return Invalid("end_time", terminate.end_time.IsSet() ? Format(terminate.end_time) : "none",
                   Cat("a time from ", Format(now)));
  }
  if (absl::Status status = CheckReason(terminate.text); !status.ok()) return status;
  for (const Termination& known : book.account.terminations) {
    if (known.agreement != terminate.agreement || known.version != terminate.version) continue;
    if ((is_owner ? known.by_owner : known.by_holder) == terminate.end_time) return Verdict{};
    if (!known.TakesEffect().IsSet()) continue;
    return Refuse(
        absl::StatusCode::kAlreadyExists, "ALREADY_EXISTS",
        Cat("owner and holder have agreed that it ends at ", Format(known.TakesEffect())));
  }
  Decision said{.kind = Kind::AGREEMENT_TERMINATED};
  said.clause = {terminate.agreement, terminate.version, {}};
  if (is_holder) said.provider = latest->holder;
  said.party = Format(actor);
  said.takes_effect = terminate.end_time;
  said.text = terminate.text;
  Verdict verdict;
  verdict.decisions.push_back(std::move(said));
  Account after = book.account;
  Fold(after, verdict.decisions.back(), now);
  for (Decision& due : AccountDues(after)) verdict.decisions.push_back(std::move(due));
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
