// Waivers outside of agreement versions, granted and revoked by the holder (R20).
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

// Renders the waiver as it was after the outcome's act, or as it is if nothing had to change.
absl::Status RenderWaiver(Ledger& ledger, const ClauseName& name, const Outcome& outcome,
                          v1::GrantedWaiver* out) {
  absl::StatusOr<Account> account =
      ReadAgreements(ledger, name.owner, outcome.sequence == 0 ? UINT64_MAX : outcome.sequence);
  if (!account.ok()) return account.status();
  const GrantedWaiver* waiver = account->FindGrant(name.agreement, name.clause);
  if (waiver == nullptr) return NoSuch(FullName(name, kWaivers));
  const absl::StatusOr<std::optional<BookRow>> row = ledger.ReadBook(name.owner);
  if (!row.ok()) return row.status();
  if (row->has_value()) account->waivers = (*row)->waivers;
  Render(name.owner, *account, *waiver, out);
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* AgreementService::GrantWaiver(Context* context,
                                                        const v1::GrantWaiverRequest* in,
                                                        v1::GrantedWaiver* out) {
  auto* call = new Call(backend_, context, Method::kGrantWaiver);
  absl::StatusOr<Command> command = call->Admit(*in);
  if (!command.ok()) return call->End(command.status());
  const Grant grant = std::get<capbroker::GrantWaiver>(command->what).grant;
  const ClauseName name{command->owner, grant.agreement, grant.waiver.id};
  return call->SubmitThenRead(*std::move(command), *in,
                              [=, this](absl::StatusOr<Outcome> outcome) -> absl::Status {
                                if (outcome.ok())
                                  return RenderWaiver(backend_.ledger, name, *outcome, out);
                                return Told(call->caller(), name, in->parent(), outcome.status());
                              });
}

grpc::ServerUnaryReactor* AgreementService::RevokeWaiver(Context* context,
                                                         const v1::RevokeWaiverRequest* in,
                                                         v1::GrantedWaiver* out) {
  auto* call = new Call(backend_, context, Method::kRevokeWaiver);
  absl::StatusOr<Command> command = call->Admit(*in);
  if (!command.ok()) return call->End(command.status());
  const auto& revoke = std::get<capbroker::RevokeWaiver>(command->what);
  const ClauseName name{command->owner, revoke.agreement, revoke.waiver};
  return call->SubmitThenRead(*std::move(command), *in,
                              [=, this](absl::StatusOr<Outcome> outcome) -> absl::Status {
                                if (outcome.ok())
                                  return RenderWaiver(backend_.ledger, name, *outcome, out);
                                return Told(call->caller(), name, in->name(), outcome.status());
                              });
}

grpc::ServerUnaryReactor* AgreementService::ListWaivers(Context* context,
                                                        const v1::ListWaiversRequest* in,
                                                        v1::ListWaiversResponse* out) {
  auto* call = new Call(backend_, context, Method::kListWaivers);
  absl::StatusOr<BesideQuery> query = call->Admit(*in);
  if (!query.ok()) return call->End(query.status());
  return call->Read([=, this, query = *std::move(query)]() -> absl::Status {
    const std::string parent = FullName(AgreementName{query.owner, query.agreement});
    const std::string list = Cat("waivers of ", parent);
    const absl::StatusOr<std::string> place = PlaceOf(list, query.page.token);
    if (!place.ok()) return place.status();
    const absl::StatusOr<Account> account = ReadAccount(backend_.ledger, query.owner);
    if (!account.ok()) return account.status();
    const AgreementVersion* latest = account->Latest(query.agreement);
    if (latest == nullptr || !MaySee(call->caller(), *latest)) return NoSuch(parent);
    size_t bytes = 0;
    // Grants keep their index forever.
    for (size_t i = ParseNumber<size_t>(*place).value_or(0); i < account->grants.size(); ++i) {
      const GrantedWaiver& waiver = account->grants[i];
      if (waiver.grant->agreement != query.agreement) continue;
      if (out->waivers_size() == static_cast<int>(query.page.size) || bytes >= kMessageBytes) {
        out->set_next_page_token(PlaceToken(list, Cat(i)));
        break;
      }
      v1::GrantedWaiver* added = out->add_waivers();
      Render(query.owner, *account, waiver, added);
      bytes += added->ByteSizeLong();
    }
    return absl::OkStatus();
  });
}

}  // namespace capbroker
