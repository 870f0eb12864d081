// R18: assertions, disputes, signatures, and what they end.
#include <algorithm>
#include <utility>

#include "broker/deciding/deciding.h"
#include "broker/deciding/validate.h"
#include "broker/trail/fold.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

// A TRIGGER clause in force, and what became of it.
struct Found {
  const AgreementVersion* version = nullptr;
  const Clause* clause = nullptr;
  const Assertion* trigger = nullptr;  // Null: never asserted.
  ClauseRef ref() const { return RefOf(*version, *clause); }
  const TriggerClause& content() const { return *As<TriggerClause>(*clause); }
};

absl::StatusOr<Found> Find(const Account& account, const AgreementId& agreement, const ClauseId& id,
                           Instant now) {
  for (const AgreementVersion* version : account.InForce(now)) {
    if (version->agreement != agreement) continue;
    const Clause* clause = FindClause(*version, id);
    if (clause != nullptr && As<TriggerClause>(*clause) != nullptr)
      return Found{version, clause, account.FindTrigger(agreement, id)};
  }
  return Refuse(absl::StatusCode::kNotFound, "NOT_FOUND",
                Cat("no trigger ", id.value, " of an agreement ", agreement.value, " in force"));
}

bool IsParty(const Book& book, const Found& found, const Actor& actor) {
  return (actor.role == Role::kOwner && actor.name == book.owner.value) ||
         (actor.role == Role::kProvider && actor.name == found.version->holder.value);
}

bool IsAttester(const Found& found, const Actor& actor) {
  const auto& attesters = found.content().attesters;
  return std::find(attesters.begin(), attesters.end(), Format(actor)) != attesters.end();
}

absl::Status Denied(const Actor& actor, std::string_view want) {
  return Refuse(absl::StatusCode::kPermissionDenied, "PERMISSION_DENIED",
                Cat("got ", Format(actor), ", want ", want));
}

absl::Status NotPending(const Found& found) {
  return Refuse(
      absl::StatusCode::kFailedPrecondition, "TRIGGER_NOT_PENDING",
      Cat("trigger ", Format(found.ref()), " is ",
          found.trigger == nullptr ? "not asserted" : NameOf(found.trigger->state)),
      {{"state", found.trigger == nullptr ? "" : std::string(NameOf(found.trigger->state))}});
}

bool IsPending(const Found& found) {
  return found.trigger != nullptr && !IsFinal(found.trigger->state);
}

Decision About(Kind kind, const Found& found, const Actor& actor, const std::string& text) {
  Decision decision{.kind = kind};
  decision.clause = found.ref();
  decision.party = Format(actor);
  decision.text = text;
  return decision;
}

}  // namespace

std::vector<Decision> Deciding::TriggersDue(const Account& account) const {
  std::vector<Decision> out;
  for (const Assertion& trigger : account.triggers) {
    const TriggerClause& clause = *As<TriggerClause>(*account.Find(trigger.clause));
    const bool waits = clause.dispute_window > Span{} && now <= trigger.disputable_until;
    if (IsFinal(trigger.state) || !trigger.disputed_by.empty() || waits ||
        !IsAttested(clause, trigger))
      continue;
    Decision effective{.kind = Kind::TRIGGER_EFFECTIVE};
    effective.clause = trigger.clause;
    for (const Assertion::Signature& signature : trigger.signatures) {
      effective.figures.push_back(
          {signature.party, signature.measure.IsSet() ? Format(signature.measure) : "signed",
           clause.threshold.IsSet() ? Cat("at least ", Format(clause.threshold)) : ""});
    }
    out.push_back(std::move(effective));
    for (const auto& version : account.agreements) {  // In force, or to be.
      const Instant end = EndOf(*version);
      if (version->agreement != trigger.clause.agreement || (end.IsSet() && end <= now)) continue;
      for (const ClauseId& ended : clause.ends) {
        const Clause* found = FindClause(*version, ended);
        if (found == nullptr || account.IsTriggered(RefOf(*version, *found))) continue;
        Decision over{.kind = Kind::CLAUSE_ENDED};
        over.clause = RefOf(*version, *found);
        over.provider = version->holder;
        over.until = now;
        over.reason = "TRIGGER";
        out.push_back(std::move(over));
      }
    }
  }
  return out;
}

absl::StatusOr<Verdict> Deciding::On(const AssertTrigger& assertion) const {
  const absl::StatusOr<Found> found =
      Find(book.account, assertion.agreement, assertion.trigger, now);
  if (!found.ok()) return found.status();
  if (!IsParty(book, *found, actor) && !IsAttester(*found, actor))
    return Denied(actor, "the owner, the holder or a named attester");
  if (absl::Status status = CheckReason(assertion.text); !status.ok()) return status;
  if (IsPending(*found) ||
      (found->trigger != nullptr && found->trigger->state == TriggerState::kEffective)) {
    return Refuse(
        absl::StatusCode::kFailedPrecondition, "TRIGGER_ASSERTED",
        Cat("trigger ", Format(found->ref()), " is ", NameOf(found->trigger->state), " already"),
        {{"state", std::string(NameOf(found->trigger->state))}});
  }
  Decision asserted = About(Kind::TRIGGER_ASSERTED, *found, actor, assertion.text);
  asserted.evidence = assertion.evidence;
  asserted.until = now + found->content().dispute_window;
  return Verdict{{std::move(asserted)}, {}};
}

absl::StatusOr<Verdict> Deciding::On(const DisputeTrigger& dispute) const {
  const absl::StatusOr<Found> found = Find(book.account, dispute.agreement, dispute.trigger, now);
  if (!found.ok()) return found.status();
  if (!IsParty(book, *found, actor)) return Denied(actor, "the owner or the holder");
  if (!IsPending(*found)) return NotPending(*found);
  if (absl::Status status = CheckReason(dispute.text); !status.ok()) return status;
  if (found->trigger->state == TriggerState::kDisputed) return Verdict{};
  if (now > found->trigger->disputable_until || found->content().dispute_window == Span{}) {
    return Refuse(
        absl::StatusCode::kFailedPrecondition, "DISPUTE_WINDOW_OVER",
        Cat("trigger ", Format(found->ref()), " could be disputed until ",
            Format(found->trigger->disputable_until), "; it is ", Format(now)),
        {{"deadline", Format(found->trigger->disputable_until)}, {"server_time", Format(now)}});
  }
  return Verdict{{About(Kind::TRIGGER_DISPUTED, *found, actor, dispute.text)}, {}};
}

absl::StatusOr<Verdict> Deciding::On(const ResolveDispute& resolve) const {
  if (absl::Status status = CheckActor(Role::kOperator); !status.ok()) return status;
  const absl::StatusOr<Found> found = Find(book.account, resolve.agreement, resolve.trigger, now);
  if (!found.ok()) return found.status();
  if (found->trigger == nullptr || found->trigger->state != TriggerState::kDisputed)
    return NotPending(*found);
  if (absl::Status status = CheckReason(resolve.text); !status.ok()) return status;
  Verdict verdict;
  Decision resolved = About(Kind::DISPUTE_RESOLVED, *found, actor, resolve.text);
  resolved.reason = resolve.upheld ? "UPHELD" : "DISMISSED";
  verdict.decisions.push_back(std::move(resolved));
  if (resolve.upheld) {
    verdict.decisions.push_back(About(Kind::TRIGGER_REJECTED, *found, actor, resolve.text));
    return verdict;
  }
  Account after = book.account;
  Fold(after, verdict.decisions.back(), now);
  for (Decision& due : TriggersDue(after)) verdict.decisions.push_back(std::move(due));
  return verdict;
}

absl::StatusOr<Verdict> Deciding::On(const AttestTrigger& attest) const {
  const absl::StatusOr<Found> found = Find(book.account, attest.agreement, attest.trigger, now);
  if (!found.ok()) return found.status();
  if (!IsAttester(*found, actor)) return Denied(actor, "a named attester");
  if (!IsPending(*found)) return NotPending(*found);
  if (absl::Status status = CheckText("text", attest.text); !status.ok()) return status;
  const Money& threshold = found->content().threshold;
  if (threshold.IsSet() != attest.measure.IsSet() ||
      (threshold.IsSet() && attest.measure.currency != threshold.currency)) {
    return Invalid("measure", attest.measure.IsSet() ? Format(attest.measure) : "none",
                   threshold.IsSet() ? Cat("an amount in ", threshold.currency.view())
                                     : std::string("none: the trigger has no threshold"));
  }
  const std::string party = Format(actor);
  for (const Assertion::Signature& signature : found->trigger->signatures) {
    if (signature.party != party) continue;
    if (signature.measure == attest.measure) return Verdict{};
    return Refuse(absl::StatusCode::kFailedPrecondition, "ALREADY_SIGNED",
                  Cat(party, " has signed, with ", Format(signature.measure)));
  }
  Verdict verdict;
  Decision attested = About(Kind::TRIGGER_ATTESTED, *found, actor, attest.text);
  attested.measure = attest.measure;
  if (threshold.IsSet()) {
    attested.reason = IsEnough(found->content(), attest.measure) ? "REACHED" : "BELOW";
    attested.figures = {{"measure", Format(attest.measure), Cat("at least ", Format(threshold))}};
  }
  verdict.decisions.push_back(std::move(attested));
  Account after = book.account;
  Fold(after, verdict.decisions.back(), now);
  for (Decision& due : TriggersDue(after)) verdict.decisions.push_back(std::move(due));
  return verdict;
}

absl::StatusOr<Verdict> Deciding::On(const WithdrawTrigger& withdraw) const {
  const absl::StatusOr<Found> found = Find(book.account, withdraw.agreement, withdraw.trigger, now);
  if (!found.ok()) return found.status();
  if (found->trigger == nullptr || found->trigger->asserted_by != Format(actor))
    return Denied(actor, "who asserted it");
  if (found->trigger->state == TriggerState::kWithdrawn) return Verdict{};
  if (!IsPending(*found)) return NotPending(*found);
  if (absl::Status status = CheckText("text", withdraw.text); !status.ok()) return status;
  return Verdict{{About(Kind::TRIGGER_WITHDRAWN, *found, actor, withdraw.text)}, {}};
}

}  // namespace capbroker
