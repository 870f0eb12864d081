// Agreement versions: activated in order, never changed.
#include <algorithm>
#include <utility>

#include "broker/deciding.h"
#include "broker/refusal.h"
#include "broker/text.h"

namespace capbroker {
namespace {

// RULES section 2: two exclusivities of different holders over the same scope and time cannot both stand. The
// times are half-open; a version that the new one supersedes does not count.
absl::Status CheckExclusivity(const AgreementVersion& added, const Account& account) {
  const auto end_of = [](const AgreementVersion& v) { return EndOf(v).IsSet() ? EndOf(v) : kLastInstant; };
  for (const auto& other : account.agreements) {
    if (other->holder == added.holder) continue;
    if (added.effective_from >= end_of(*other) || other->effective_from >= end_of(added)) continue;
    for (const Clause& ours : added.clauses) {
      for (const Clause& theirs : other->clauses) {
        if (ours.kind != ClauseKind::kExclusivity || theirs.kind != ClauseKind::kExclusivity) continue;
        if (!Overlap(ours.scope, theirs.scope)) continue;
        return Refuse(absl::StatusCode::kFailedPrecondition, "EXCLUSIVITY_CONFLICT",
                      Cat("clause ", ours.id.value, " is exclusive over a scope in which ",
                          Format(RefOf(*other, theirs)), " of ", other->holder.value, " is exclusive too"),
                      {{"clause", ours.id.value}, {"conflicts_with", Format(RefOf(*other, theirs))}});
      }
    }
  }
  return absl::OkStatus();
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
      return Invalid("effective_from", Format(version.effective_from),
                     Cat("a time after version ", latest->version, "'s, ", Format(latest->effective_from)));
    }
    for (const Clause& before : latest->clauses) {
      const Clause* after = FindClause(version, before.id);
      if (before.kind != ClauseKind::kCommitment || after == nullptr || after->kind != before.kind) continue;
      if (after->amount.currency != before.amount.currency || after->amount.micros < before.amount.micros) {
        return Invalid(Cat("clauses[", before.id.value, "].amount"), Format(after->amount),
                       Cat("at least version ", latest->version, "'s, ", Format(before.amount)));
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
  if (absl::Status status = CheckExclusivity(version, book.account); !status.ok()) return status;
  Decision activated{.kind = Kind::AGREEMENT_ACTIVATED};
  activated.clause = {version.agreement, version.version, {}};
  activated.provider = version.holder;
  activated.agreement = std::make_shared<const AgreementVersion>(version);
  verdict.decisions.push_back(std::move(activated));
  for (const Clause& clause : version.clauses) {
    const Clause* before = latest == nullptr ? nullptr : FindClause(*latest, clause.id);
    if (clause.kind != ClauseKind::kCommitment || before == nullptr || before->kind != clause.kind) continue;
    if (clause.amount.micros == before->amount.micros) continue;
    Decision increased{.kind = Kind::COMMITMENT_INCREASED};
    increased.clause = RefOf(version, clause);
    increased.provider = version.holder;
    increased.amount = {clause.amount.micros - before->amount.micros, clause.amount.currency};
    verdict.decisions.push_back(std::move(increased));
  }
  return verdict;
}

}  // namespace capbroker
