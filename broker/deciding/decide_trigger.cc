// R18: assertions, disputes, signatures, and what they end.
#include <algorithm>
#include <utility>

#include "broker/deciding/deciding.h"
#include "broker/deciding/validate.h"
#include "broker/trail/dues.h"
#include "broker/trail/fold.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

// A TRIGGER clause, and what became of it. While an assertion of it waits, that is the clause of
// the version under which it was asserted (R18); else the one in force.
struct Found {
  const AgreementVersion* version = nullptr;
  const Clause* clause = nullptr;
  const Assertion* assertion = nullptr;  // Null: never asserted under this version.
  const TriggerClause& content() const { return *As<TriggerClause>(*clause); }
  ClauseRef ref() const { return RefOf(*version, *clause); }
};

absl::StatusOr<Found> Find(const Account& account, const AgreementId& agreement, const ClauseId& id,
                           Instant now) {
  const Assertion* latest = account.FindTrigger(agreement, id);
  if (latest != nullptr && !IsFinal(latest->state)) {
    return Found{account.Find(agreement, latest->clause.version), account.Find(latest->clause),
                 latest};
  }
  for (const AgreementVersion* version : account.InForce(now)) {
    if (version->agreement != agreement) continue;
    const Clause* clause = FindClause(*version, id);
    if (clause == nullptr || As<TriggerClause>(*clause) == nullptr) continue;
    const bool is_of_this = latest != nullptr && latest->clause == RefOf(*version, *clause);
    return Found{version, clause, is_of_this ? latest : nullptr};
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

// R18: disputes are settled by whom the clause names, else by the operator.
absl::Status CheckResolver(const Found& found, const Actor& actor) {
  const std::vector<std::string>& named = found.content().resolvers;
  const bool may = named.empty()
                       ? actor.role == Role::kOperator
                       : std::find(named.begin(), named.end(), Format(actor)) != named.end();
  return may ? absl::OkStatus()
             : Denied(actor, named.empty() ? "operator" : "one of the clause's resolvers");
}

absl::Status NotPending(const Found& found) {
  return Refuse(
      absl::StatusCode::kFailedPrecondition, "TRIGGER_NOT_PENDING",
      Cat("trigger ", Format(found.ref()), " is ",
          found.assertion == nullptr ? "not asserted" : NameOf(found.assertion->state)),
      {{"state", found.assertion == nullptr ? "" : std::string(NameOf(found.assertion->state))}});
}

bool IsPending(const Found& found) {
  return found.assertion != nullptr && !IsFinal(found.assertion->state);
}

Decision About(Kind kind, const Found& found, const Actor& actor, const std::string& text) {
  Decision decision{.kind = kind};
  decision.clause = found.ref();
  decision.party = Format(actor);
  decision.text = text;
  return decision;
}

}  // namespace

namespace {

// TRIGGER_EFFECTIVE, and every clause that it ends: in force, or to be.
std::vector<Decision> EffectOf(const Account& account, const Assertion& assertion, Instant now) {
  const TriggerClause& trigger = *As<TriggerClause>(*account.Find(assertion.clause));
  std::vector<Decision> out;
  Decision effective{.kind = Kind::TRIGGER_EFFECTIVE};
  effective.clause = assertion.clause;
  for (const Assertion::Signature& signature : assertion.signatures) {
    effective.figures.push_back(
        {signature.party, signature.measure.IsSet() ? Format(signature.measure) : "signed",
         trigger.threshold.IsSet() ? Cat("at least ", Format(trigger.threshold)) : ""});
  }
  out.push_back(std::move(effective));
  for (const auto& version : account.agreements) {
    if (version->agreement != assertion.clause.agreement || account.EndOfVersion(*version) <= now)
      continue;
    for (const ClauseId& ended : trigger.ends) {
      const Clause* found = FindClause(*version, ended);
      if (found == nullptr || account.IsEndRecorded(RefOf(*version, *found))) continue;
      Decision over{.kind = Kind::CLAUSE_ENDED};
      over.clause = RefOf(*version, *found);
      over.provider = version->holder;
      over.end_time = now;
      over.reason = "TRIGGER";
      out.push_back(std::move(over));
    }
  }
  return out;
}

Decision EndOfClauseAt(const Account& account, const ClauseRef& ref) {
  const AgreementVersion& version = *account.Find(ref.agreement, ref.version);
  Decision over{.kind = Kind::CLAUSE_ENDED};
  over.clause = ref;
  over.provider = version.holder;
  over.end_time = account.EndOfVersion(version);
  const bool by_term =
      std::any_of(version.clauses.begin(), version.clauses.end(), [&](const Clause& clause) {
        const Term* term = As<Term>(clause);
        return term != nullptr && term->end_time == over.end_time;
      });
  over.reason = by_term ? "TERM" : version.effective_to == over.end_time ? "VERSION" : "TERMINATED";
  return over;
}

}  // namespace

std::vector<Decision> Deciding::AccountDues(const Account& before) const {
  std::vector<Decision> out;
  Account account = before;
  for (;;) {
    const std::vector<AccountDue> dues = DuesOf(account);
    if (dues.empty() || dues.front().at >= now) return out;
    const AccountDue& due = dues.front();
    std::vector<Decision> decided;
    switch (due.what) {
      case AccountDue::What::kClauseEnds:
        decided.push_back(EndOfClauseAt(account, due.clause));
        break;
      case AccountDue::What::kTriggerTakesEffect:
        decided = EffectOf(account, *account.FindAssertion(due.clause), now);
        break;
      case AccountDue::What::kTriggerUnattested: {
        Decision rejected{.kind = Kind::TRIGGER_REJECTED};
        rejected.clause = due.clause;
        rejected.reason = "NOT_ATTESTED";
        decided.push_back(std::move(rejected));
        break;
      }
    }
    for (Decision& decision : decided) {
      Fold(account, decision, now);
      out.push_back(std::move(decision));
    }
  }
}

absl::StatusOr<Verdict> Deciding::On(const AssertTrigger& assertion) const {
  const absl::StatusOr<Found> found =
      Find(book.account, assertion.agreement, assertion.trigger, now);
  if (!found.ok()) return found.status();
  if (!IsParty(book, *found, actor) && !IsAttester(*found, actor))
    return Denied(actor, "the owner, the holder or a named attester");
  if (absl::Status status = CheckReason(assertion.text); !status.ok()) return status;
  if (IsPending(*found) ||
      (found->assertion != nullptr && found->assertion->state == TriggerState::kEffective)) {
    return Refuse(
        absl::StatusCode::kFailedPrecondition, "TRIGGER_ASSERTED",
        Cat("trigger ", Format(found->ref()), " is ", NameOf(found->assertion->state), " already"),
        {{"state", std::string(NameOf(found->assertion->state))}});
  }
  Decision asserted = About(Kind::TRIGGER_ASSERTED, *found, actor, assertion.text);
  asserted.evidence = assertion.evidence;
  if (const Span window = found->content().dispute_window; window > Span{})
    asserted.dispute_by = now + window;
  asserted.attest_by = now + found->content().AttestWithin();
  return Verdict{{std::move(asserted)}, {}};
}

absl::StatusOr<Verdict> Deciding::On(const DisputeTrigger& dispute) const {
  const absl::StatusOr<Found> found = Find(book.account, dispute.agreement, dispute.trigger, now);
  if (!found.ok()) return found.status();
  if (!IsParty(book, *found, actor)) return Denied(actor, "the owner or the holder");
  if (!IsPending(*found)) return NotPending(*found);
  if (absl::Status status = CheckReason(dispute.text); !status.ok()) return status;
  if (found->assertion->state == TriggerState::kDisputed) return Verdict{};
  if (now > found->assertion->disputable_until || found->content().dispute_window == Span{}) {
    return Refuse(
        absl::StatusCode::kFailedPrecondition, "DISPUTE_WINDOW_OVER",
        Cat("trigger ", Format(found->ref()), " could be disputed until ",
            Format(found->assertion->disputable_until), "; it is ", Format(now)),
        {{"deadline", Format(found->assertion->disputable_until)}, {"server_time", Format(now)}});
  }
  return Verdict{{About(Kind::TRIGGER_DISPUTED, *found, actor, dispute.text)}, {}};
}

absl::StatusOr<Verdict> Deciding::On(const ResolveDispute& resolve) const {
  const absl::StatusOr<Found> found = Find(book.account, resolve.agreement, resolve.trigger, now);
  if (!found.ok()) return found.status();
  if (absl::Status status = CheckResolver(*found, actor); !status.ok()) return status;
  if (found->assertion == nullptr || found->assertion->state != TriggerState::kDisputed)
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
  for (Decision& due : AccountDues(after)) verdict.decisions.push_back(std::move(due));
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
  for (const Assertion::Signature& signature : found->assertion->signatures) {
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
  if (const Assertion& assertion = *after.FindTrigger(attest.agreement, attest.trigger);
      CannotBeAttested(found->content(), assertion)) {
    Decision rejected = About(Kind::TRIGGER_REJECTED, *found, actor, "");
    rejected.reason = "BELOW_THRESHOLD";
    rejected.figures = verdict.decisions.back().figures;
    verdict.decisions.push_back(std::move(rejected));
    return verdict;
  }
  for (Decision& due : AccountDues(after)) verdict.decisions.push_back(std::move(due));
  return verdict;
}

absl::StatusOr<Verdict> Deciding::On(const WithdrawTrigger& withdraw) const {
  const absl::StatusOr<Found> found = Find(book.account, withdraw.agreement, withdraw.trigger, now);
  if (!found.ok()) return found.status();
  if (found->assertion == nullptr || found->assertion->asserted_by != Format(actor))
    return Denied(actor, "who asserted it");
  if (found->assertion->state == TriggerState::kWithdrawn) return Verdict{};
  if (!IsPending(*found)) return NotPending(*found);
  if (absl::Status status = CheckText("text", withdraw.text); !status.ok()) return status;
  return Verdict{{About(Kind::TRIGGER_WITHDRAWN, *found, actor, withdraw.text)}, {}};
}

}  // namespace capbroker
