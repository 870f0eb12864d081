// `capbroker provider`: the registry of providers, kept by operators.
#include <CLI/CLI.hpp>
#include <optional>

#include "broker/values/money.h"
#include "broker/values/refusal.h"
#include "broker/values/show.h"
#include "broker/values/text.h"
#include "capbroker/v1/provider_service.grpc.pb.h"
#include "services/cli/call.h"
#include "services/cli/name_arguments.h"
#include "services/cli/show.h"
#include "services/client/proto_values.h"
#include "services/notation/parse.h"

namespace capbroker {
namespace {

using Service = v1::ProviderService;
using Stub = Service::Stub;

struct ProviderFlags {
  std::string id{}, display_name{}, text{}, request_key{}, endpoint{}, server_name{};
  std::vector<std::string> members{}, rates{}, limits{}, affiliates{};
  bool up = false, down = false, no_endpoint = false;
};

// Reads "RESOURCE[@REGION][=VALUE]" into what names its resource type and region, and returns
// VALUE: nothing where there is no '='. Null if the resource type or, after an '@', the region is
// missing.
template <class Stated>
std::optional<std::string> ReadStated(const std::string& text, Stated& out) {
  const size_t equals = text.find('=');
  const std::string what = text.substr(0, equals);
  const size_t at = what.find('@');
  out.set_resource_type(what.substr(0, at));
  if (at != std::string::npos) out.set_region(what.substr(at + 1));
  if (out.resource_type().empty() || (at != std::string::npos && out.region().empty()))
    return std::nullopt;
  return equals == std::string::npos ? "" : text.substr(equals + 1);
}

absl::StatusOr<v1::Rate> ReadRate(const std::string& text) {
  v1::Rate rate;
  const std::optional<std::string> value = ReadStated(text, rate);
  const absl::Status wrong =
      Invalid("--rate", text, "RESOURCE[@REGION][=AMOUNT], such as \"h100@us-east=2.5 USD\"");
  if (!value) return wrong;
  if (text.find('=') == std::string::npos) return rate;
  const absl::StatusOr<Money> price = ParseMoney(*value);
  if (!price.ok()) return wrong;
  ToProto(*price, rate.mutable_unit_price());
  return rate;
}

absl::StatusOr<v1::Limit> ReadLimit(const std::string& text) {
  v1::Limit limit;
  const std::optional<std::string> value = ReadStated(text, limit);
  const absl::StatusOr<int64_t> quantity = ParseQuantity(value.value_or(""));
  if (!value || !quantity.ok())
    return Invalid("--limit", text, "RESOURCE[@REGION]=QUANTITY, such as h100@us-east=4,000");
  limit.set_quantity(*quantity);
  return limit;
}

std::string ShowProvider(const v1::Provider& provider) {
  Items<v1::Provider> one;
  *one.Add() = provider;
  std::string text = ShowProviders(one);
  for (const std::string& member : provider.members()) text += Cat("  member     ", member, "\n");
  for (const std::string& other : provider.affiliates())
    text += Cat("  affiliate  ", ShortName(other), "\n");
  for (const v1::Limit& limit : provider.limits()) {
    text += Cat("  at most    ", ShowQuantity(limit.quantity()), " ", limit.resource_type(),
                limit.region().empty() ? "" : Cat(" in ", limit.region()), "\n");
  }
  if (const v1::Endpoint& endpoint = provider.endpoint(); provider.has_endpoint()) {
    text += Cat("  endpoint   ", endpoint.address(),
                endpoint.server_name().empty() ? "" : Cat(" as ", endpoint.server_name()), "\n");
  }
  return text;
}

// Leaves the endpoint unset without --endpoint.
absl::Status ReadEndpoint(const ProviderFlags& flags, v1::Provider& provider) {
  if (flags.endpoint.empty() && !flags.server_name.empty()) {
    return Invalid("--server-name", flags.server_name, "an --endpoint with it");
  }
  if (flags.endpoint.empty()) return absl::OkStatus();
  provider.mutable_endpoint()->set_address(flags.endpoint);
  provider.mutable_endpoint()->set_server_name(flags.server_name);
  return absl::OkStatus();
}

int Register(Session& session, const ProviderFlags& flags) {
  v1::RegisterProviderRequest request;
  request.set_provider_id(flags.id);
  request.set_request_id(RequestKey(flags.request_key));
  v1::Provider& provider = *request.mutable_provider();
  provider.set_display_name(flags.display_name);
  if (absl::Status status = ReadEndpoint(flags, provider); !status.ok())
    return session.Fail(status);
  for (const std::string& member : flags.members) provider.add_members(member);
  for (const std::string& text : flags.affiliates) {
    const absl::StatusOr<std::string> name = ReadProviderName(text);
    if (!name.ok()) return session.Fail(name.status());
    provider.add_affiliates(*name);
  }
  for (const std::string& text : flags.rates) {
    const absl::StatusOr<v1::Rate> rate = ReadRate(text);
    if (!rate.ok()) return session.Fail(rate.status());
    *provider.add_rates() = *rate;
  }
  for (const std::string& text : flags.limits) {
    const absl::StatusOr<v1::Limit> limit = ReadLimit(text);
    if (!limit.ok()) return session.Fail(limit.status());
    *provider.add_limits() = *limit;
  }
  return CallAndPrint<Service>(session, &Stub::RegisterProvider, request, ShowProvider);
}

int List(Session& session, const ProviderFlags&) {
  return ListAndPrint<Service>(session, &Stub::ListProviders, v1::ListProvidersRequest(), 0,
                               [](const auto& list) { return ShowProviders(list.providers()); });
}

int Show(Session& session, const ProviderFlags& flags) {
  return CallAndPrint<Service>(session, &Stub::GetProvider,
                               MakeRequest<v1::GetProviderRequest>(ReadProviderName(flags.id)),
                               ShowProvider);
}

int SetEndpoint(Session& session, const ProviderFlags& flags) {
  const absl::StatusOr<std::string> name = ReadProviderName(flags.id);
  if (!name.ok()) return session.Fail(name.status());
  if (flags.no_endpoint == !flags.endpoint.empty()) {
    return session.Fail(
        Invalid("--at, --none", flags.no_endpoint ? "both" : "neither", "one of them"));
  }
  v1::UpdateProviderRequest request;
  request.mutable_provider()->set_name(*name);
  if (absl::Status status = ReadEndpoint(flags, *request.mutable_provider()); !status.ok())
    return session.Fail(status);
  request.mutable_update_mask()->add_paths("endpoint");
  request.set_request_id(RequestKey(flags.request_key));
  return CallAndPrint<Service>(session, &Stub::UpdateProvider, request, ShowProvider);
}

template <class Request, auto kMethod>
int SuspendOrResume(Session& session, const ProviderFlags& flags) {
  auto request = MakeRequest<Request>(ReadProviderName(flags.id), flags.request_key);
  if (request.ok()) request->set_text(flags.text);
  return CallAndPrint<Service>(session, kMethod, request, ShowProvider);
}

int ReportHealth(Session& session, const ProviderFlags& flags) {
  auto request =
      MakeRequest<v1::ReportHealthRequest>(ReadProviderName(flags.id), flags.request_key);
  if (request.ok() && flags.up == flags.down) {
    request = Invalid("--up, --down", flags.up ? "both" : "neither", "one of them");
  }
  if (request.ok()) {
    request->set_healthy(flags.up);
    request->set_text(flags.text);
  }
  return CallAndPrint<Service>(session, &Stub::ReportHealth, request, ShowProvider);
}

}  // namespace

void AddProvider(CLI::App& app, Session& session) {
  CLI::App* family =
      AddVerbTo(app, "provider", "Keep the registry of providers, as an operator", "");
  const auto add = [&](const std::string& name, const std::string& what, const std::string& example,
                       int (*run)(Session&, const ProviderFlags&)) {
    auto [verb, flags] = AddVerbTo(*family, session, name, what, example, run);
    AddText(*verb, "PROVIDER", flags->id, "", "Its id: coreweave")->required();
    return std::pair(verb, flags);
  };
  const auto add_server_name = [](CLI::App& verb, ProviderFlags& flags) {
    AddText(verb, "--server-name", flags.server_name, "NAME",
            "Name its certificate must have: a DNS name or a SPIFFE id; default the host");
  };
  {
    auto [verb, flags] = add("register", "Register a provider",
                             "capbroker provider register stargate --name \"Stargate\" --member "
                             "Oracle --member SoftBank \\\n"
                             "  --rate \"h100@us-east=2.4 USD\" --rate gb200",
                             Register);
    AddText(*verb, "--name", flags->display_name, "TEXT", "Display name");
    AddList(*verb, "--member", flags->members, "TEXT", "A member of a consortium");
    AddList(*verb, "--rate", flags->rates, "RATE",
            "What it sells, and at which price; default anything");
    AddList(*verb, "--limit", flags->limits, "LIMIT",
            "The most of one request that it takes: h100@us-east=4,000; default no limit");
    AddList(*verb, "--affiliate", flags->affiliates, "PROVIDER",
            "A provider that counts as one with it");
    AddText(*verb, "--endpoint", flags->endpoint, "",
            "Address of its CapacityProvider service, which the broker calls about offers; "
            "default: it watches")
        ->option_text("HOST:PORT");
    add_server_name(*verb, *flags);
    AddRequestKey(*verb, flags->request_key);
  }
  {
    auto [verb, flags] =
        add("endpoint", "Set or remove the endpoint at which a provider is called about offers",
            "capbroker provider endpoint coreweave --at desk.coreweave.example:7430 \\\n"
            "  --server-name spiffe://example.org/provider/coreweave\n"
            "capbroker provider endpoint coreweave --none",
            SetEndpoint);
    AddText(*verb, "--at", flags->endpoint, "", "Address of its CapacityProvider service")
        ->option_text("HOST:PORT");
    verb->add_flag("--none", flags->no_endpoint, "Remove the endpoint: the provider watches");
    add_server_name(*verb, *flags);
    AddRequestKey(*verb, flags->request_key);
  }
  AddVerbTo(*family, session, "list", "Show every provider, in order of registration",
            "capbroker provider list", List);
  add("show", "Show one provider", "capbroker provider show coreweave", Show);
  const auto add_change = [&](const std::string& name, const std::string& what,
                              const std::string& example,
                              int (*run)(Session&, const ProviderFlags&)) {
    auto [verb, flags] = add(name, what, example, run);
    AddText(*verb, "--text", flags->text, "TEXT", "Why, for the trail")->required();
    AddRequestKey(*verb, flags->request_key);
    return std::pair(verb, flags);
  };
  add_change("suspend", "Stop asking a provider as an alternative",
             "capbroker provider suspend coreweave --text \"outage in us-east\"",
             SuspendOrResume<v1::SuspendProviderRequest, &Stub::SuspendProvider>);
  add_change("resume", "Ask a suspended provider again",
             "capbroker provider resume coreweave --text \"outage over\"",
             SuspendOrResume<v1::ResumeProviderRequest, &Stub::ResumeProvider>);
  auto [verb, flags] = add_change(
      "health", "Report a provider healthy or unhealthy; an unhealthy one may be passed over",
      "capbroker provider health coreweave --down --text \"does not answer\"", ReportHealth);
  verb->add_flag("--up", flags->up, "It is healthy");
  verb->add_flag("--down", flags->down, "It is unhealthy");
}

}  // namespace capbroker
