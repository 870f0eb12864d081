#include "services/rpc/provider_service.h"

#include <utility>

#include "broker/values/text.h"
#include "services/messages/errors.h"
#include "services/messages/place_token.h"
#include "services/messages/resource_name.h"
#include "services/rpc/reading.h"

namespace capbroker {
namespace {

constexpr char kList[] = "providers";

// Prices, affiliations and addresses are only shown to the provider itself and to operators.
Detail DetailFor(const Actor& caller) {
  return caller.role == Role::kOwner ? Detail::kPublic : Detail::kAll;
}

// The provider as it was after the command, which differs from its present state when a repeat is
// answered.
Provider AsLeft(Provider now, const Outcome& outcome) {
  if (outcome.act == nullptr) return now;
  for (const Decision& decision : outcome.act->decisions) {
    if (decision.record != nullptr) now = *decision.record;
    if (decision.kind == Kind::PROVIDER_SUSPENDED) now.suspended = true;
    if (decision.kind == Kind::PROVIDER_RESUMED) now.suspended = false;
    if (decision.kind == Kind::PROVIDER_TRIPPED) now.unhealthy = true;
    if (decision.kind == Kind::PROVIDER_HEALED) now.unhealthy = false;
  }
  return now;
}

}  // namespace

template <class In>
grpc::ServerUnaryReactor* ProviderService::Change(Call* call, Command command,
                                                  const ProviderId& provider, const In& in,
                                                  v1::Provider* out) {
  // Continues on the pool, since the registry is read from the ledger.
  return call->SubmitThenRead(
      std::move(command), in, [=, this](absl::StatusOr<Outcome> outcome) -> absl::Status {
        if (!outcome.ok()) return Under("provider", outcome.status());
        const absl::StatusOr<std::shared_ptr<const Directory>> directory = backend_.registry.Read();
        if (!directory.ok()) return directory.status();
        const Provider* now = (*directory)->Find(provider);
        if (now == nullptr) return NoSuch(FullName(provider));
        Render(AsLeft(*now, *outcome), Detail::kAll, out);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ProviderService::RegisterProvider(Context* context,
                                                            const v1::RegisterProviderRequest* in,
                                                            v1::Provider* out) {
  auto* call = new Call(backend_, context, Method::kRegisterProvider);
  absl::StatusOr<Command> command = call->Admit(*in);
  if (!command.ok()) return call->End(command.status());
  const ProviderId provider = std::get<capbroker::RegisterProvider>(command->what).provider.id;
  return Change(call, *std::move(command), provider, *in, out);
}

grpc::ServerUnaryReactor* ProviderService::UpdateProvider(Context* context,
                                                          const v1::UpdateProviderRequest* in,
                                                          v1::Provider* out) {
  auto* call = new Call(backend_, context, Method::kUpdateProvider);
  absl::StatusOr<ProviderChange> change = call->Admit(*in);
  if (!change.ok()) return call->End(change.status());
  // The mask is applied to the present state. Of two concurrent changes to different fields, the
  // later one overwrites both.
  return call->ReadThenGoOn([=, this, change = *std::move(change)]() -> absl::Status {
    const absl::StatusOr<std::shared_ptr<const Directory>> directory = backend_.registry.Read();
    if (!directory.ok()) return directory.status();
    const Provider* known = (*directory)->Find(change.provider);
    if (known == nullptr) return NoSuch(FullName(change.provider));
    Change(call, {kDirectory, {}, capbroker::UpdateProvider{change.On(*known)}}, change.provider,
           *in, out);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* ProviderService::SuspendProvider(Context* context,
                                                           const v1::SuspendProviderRequest* in,
                                                           v1::Provider* out) {
  auto* call = new Call(backend_, context, Method::kSuspendProvider);
  absl::StatusOr<Command> command = call->Admit(*in);
  if (!command.ok()) return call->End(command.status());
  const ProviderId provider = std::get<capbroker::SuspendProvider>(command->what).provider;
  return Change(call, *std::move(command), provider, *in, out);
}

grpc::ServerUnaryReactor* ProviderService::ResumeProvider(Context* context,
                                                          const v1::ResumeProviderRequest* in,
                                                          v1::Provider* out) {
  auto* call = new Call(backend_, context, Method::kResumeProvider);
  absl::StatusOr<Command> command = call->Admit(*in);
  if (!command.ok()) return call->End(command.status());
  const ProviderId provider = std::get<capbroker::ResumeProvider>(command->what).provider;
  return Change(call, *std::move(command), provider, *in, out);
}

grpc::ServerUnaryReactor* ProviderService::ReportHealth(Context* context,
                                                        const v1::ReportHealthRequest* in,
                                                        v1::Provider* out) {
  auto* call = new Call(backend_, context, Method::kReportHealth);
  absl::StatusOr<Command> command = call->Admit(*in);
  if (!command.ok()) return call->End(command.status());
  const ProviderId provider = std::get<capbroker::ReportHealth>(command->what).provider;
  return Change(call, *std::move(command), provider, *in, out);
}

grpc::ServerUnaryReactor* ProviderService::GetProvider(Context* context,
                                                       const v1::GetProviderRequest* in,
                                                       v1::Provider* out) {
  auto* call = new Call(backend_, context, Method::kGetProvider);
  absl::StatusOr<DeskQuery> query = call->Admit(*in);
  if (!query.ok()) return call->End(query.status());
  return call->Read([=, this, query = *std::move(query)]() -> absl::Status {
    const absl::StatusOr<std::shared_ptr<const Directory>> directory = backend_.registry.Read();
    if (!directory.ok()) return directory.status();
    const Provider* provider = (*directory)->Find(query.provider);
    if (provider == nullptr) return NoSuch(FullName(query.provider));
    Render(*provider, DetailFor(call->caller()), out);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* ProviderService::ListProviders(Context* context,
                                                         const v1::ListProvidersRequest* in,
                                                         v1::ListProvidersResponse* out) {
  auto* call = new Call(backend_, context, Method::kListProviders);
  absl::StatusOr<ProvidersQuery> query = call->Admit(*in);
  if (!query.ok()) return call->End(query.status());
  return call->Read([=, this, query = *std::move(query)]() -> absl::Status {
    const absl::StatusOr<std::string> place = PlaceOf(kList, query.page.token);
    if (!place.ok()) return place.status();
    const absl::StatusOr<std::shared_ptr<const Directory>> directory = backend_.registry.Read();
    if (!directory.ok()) return directory.status();
    const std::vector<Provider>& providers = (*directory)->providers();
    const Actor& caller = call->caller();
    size_t bytes = 0;
    // Providers keep their index forever.
    for (size_t i = ParseNumber<size_t>(*place).value_or(0); i < providers.size(); ++i) {
      // A provider sees itself.
      if (caller.role == Role::kProvider && providers[i].id.value != caller.name) continue;
      if (out->providers_size() == static_cast<int>(query.page.size) || bytes >= kMessageBytes) {
        out->set_next_page_token(PlaceToken(kList, Cat(i)));
        break;
      }
      v1::Provider* added = out->add_providers();
      Render(providers[i], DetailFor(caller), added);
      bytes += added->ByteSizeLong();
    }
    return absl::OkStatus();
  });
}

}  // namespace capbroker
