// Triggers (R18): asserted, disputed and attested by the parties concerned, resolved by an
// operator.
#include <algorithm>
#include <utility>

#include "broker/values/text.h"
#include "services/messages/errors.h"
#include "services/messages/place_token.h"
#include "services/messages/render.h"
#include "services/rpc/agreement_service.h"
#include "services/rpc/reading.h"

namespace capbroker {
namespace {

// Whether a clause of any version names the caller as an attester; only the clause with this id, if
// one is given.
bool IsAttester(const Account& account, const AgreementId& agreement, const ClauseId& clause,
                const Actor& caller) {
  const std::string party = Format(caller);
  for (const auto& version : account.agreements) {
    if (version->agreement != agreement) continue;
    for (const Clause& c : version->clauses) {
      const auto* trigger = As<TriggerClause>(c);
      if (trigger == nullptr || c.id != clause) continue;
      const std::vector<std::string>& attesters = trigger->attesters;
      if (std::find(attesters.begin(), attesters.end(), party) != attesters.end()) return true;
    }
  }
  return false;
}

}  // namespace

absl::Status AgreementService::Told(const Actor& caller, const ClauseName& name,
                                    const std::string& subject, const absl::Status& status) {
  if (caller.role != Role::kProvider || absl::IsNotFound(status)) return status;
  const absl::StatusOr<Account> account = ReadAgreements(backend_.ledger, name.owner);
  if (!account.ok()) return account.status();
  const AgreementVersion* latest = account->Latest(name.agreement);
  const bool knows =
      latest != nullptr &&
      (MaySee(caller, *latest) || IsAttester(*account, name.agreement, name.clause, caller));
  return knows ? status : NoSuch(subject);
}

template <class In>
grpc::ServerUnaryReactor* AgreementService::ActOnTrigger(Context* context, Method method,
                                                         const In& in, v1::TriggerAssertion* out) {
  auto* call = new Call(backend_, context, method);
  absl::StatusOr<Command> command = call->Admit(in);
  if (!command.ok()) return call->End(command.status());
  const ClauseName name = std::visit(
      [&](const auto& what) -> ClauseName {
        if constexpr (requires { what.trigger; })
          return {command->owner, what.agreement, what.trigger};
        return {};
      },
      command->what);
  return call->SubmitThenRead(
      *std::move(command), in,
      [=, this, subject = in.name()](absl::StatusOr<Outcome> outcome) -> absl::Status {
        if (!outcome.ok()) return Told(call->caller(), name, subject, outcome.status());
        const uint64_t until = outcome->sequence == 0 ? UINT64_MAX : outcome->sequence;
        const absl::StatusOr<Account> account = ReadAgreements(backend_.ledger, name.owner, until);
        if (!account.ok()) return account.status();
        // The latest: an earlier version may have been asserted as well (R18).
        if (const Assertion* trigger = account->FindTrigger(name.agreement, name.clause);
            trigger != nullptr) {
          Render(name.owner, *trigger, out);
          return absl::OkStatus();
        }
        return NoSuch(subject);
      });
}

grpc::ServerUnaryReactor* AgreementService::AssertTrigger(Context* context,
                                                          const v1::AssertTriggerRequest* in,
                                                          v1::TriggerAssertion* out) {
  return ActOnTrigger(context, Method::kAssertTrigger, *in, out);
}

grpc::ServerUnaryReactor* AgreementService::DisputeTrigger(Context* context,
                                                           const v1::DisputeTriggerRequest* in,
                                                           v1::TriggerAssertion* out) {
  return ActOnTrigger(context, Method::kDisputeTrigger, *in, out);
}

grpc::ServerUnaryReactor* AgreementService::ResolveDispute(Context* context,
                                                           const v1::ResolveDisputeRequest* in,
                                                           v1::TriggerAssertion* out) {
  return ActOnTrigger(context, Method::kResolveDispute, *in, out);
}

grpc::ServerUnaryReactor* AgreementService::AttestTrigger(Context* context,
                                                          const v1::AttestTriggerRequest* in,
                                                          v1::TriggerAssertion* out) {
  return ActOnTrigger(context, Method::kAttestTrigger, *in, out);
}

grpc::ServerUnaryReactor* AgreementService::WithdrawTrigger(Context* context,
                                                            const v1::WithdrawTriggerRequest* in,
                                                            v1::TriggerAssertion* out) {
  return ActOnTrigger(context, Method::kWithdrawTrigger, *in, out);
}

grpc::ServerUnaryReactor* AgreementService::ListTriggers(Context* context,
                                                         const v1::ListTriggersRequest* in,
                                                         v1::ListTriggersResponse* out) {
  auto* call = new Call(backend_, context, Method::kListTriggers);
  absl::StatusOr<BesideQuery> query = call->Admit(*in);
  if (!query.ok()) return call->End(query.status());
  return call->Read([=, this, query = *std::move(query)]() -> absl::Status {
    const std::string parent = FullName(AgreementName{query.owner, query.agreement});
    const std::string list = Cat("triggers of ", parent);
    const absl::StatusOr<std::string> place = PlaceOf(list, query.page.token);
    if (!place.ok()) return place.status();
    const absl::StatusOr<Account> account = ReadAgreements(backend_.ledger, query.owner);
    if (!account.ok()) return account.status();
    const AgreementVersion* latest = account->Latest(query.agreement);
    if (latest == nullptr) return NoSuch(parent);
    const bool all = MaySee(call->caller(), *latest);
    bool knows = all;
    for (const Clause& clause : latest->clauses)
      knows |= IsAttester(*account, query.agreement, clause.id, call->caller());
    if (!knows) return NoSuch(parent);
    for (size_t i = ParseNumber<size_t>(*place).value_or(0); i < account->triggers.size(); ++i) {
      const Assertion& trigger = account->triggers[i];
      if (trigger.clause.agreement != query.agreement) continue;
      if (!all && !IsAttester(*account, query.agreement, trigger.clause.clause, call->caller()))
        continue;
      if (out->triggers_size() == static_cast<int>(query.page.size)) {
        out->set_next_page_token(PlaceToken(list, Cat(i)));
        break;
      }
      Render(query.owner, trigger, out->add_triggers());
    }
    return absl::OkStatus();
  });
}

}  // namespace capbroker
