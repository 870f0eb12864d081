// The operator's verbs on the registry: `capbroker provider ...`.
#include <CLI/CLI.hpp>

#include "broker/values/money.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "capbroker/v1/provider_service.grpc.pb.h"
#include "services/cli/call.h"
#include "services/cli/show.h"
#include "services/cli/typed_name.h"
#include "services/cli/wire.h"

namespace capbroker {
namespace {

using Service = v1::ProviderService;
using Stub = Service::Stub;

struct ProviderFlags {
  std::string id{}, display_name{}, text{}, request_key{}, endpoint{}, server_name{};
  std::vector<std::string> members{}, rates{}, affiliates{};
  bool up = false, down = false, nowhere = false;
};

// "h100", "h100@us-east", "h100@us-east=2.5 USD".
absl::StatusOr<v1::Rate> ReadRate(const std::string& text) {
  v1::Rate rate;
  const size_t equals = text.find('=');
  const std::string what = text.substr(0, equals);
  const size_t at = what.find('@');
  rate.set_resource_type(what.substr(0, at));
  if (at != std::string::npos) rate.set_region(what.substr(at + 1));
  const std::string_view want = "RESOURCE[@REGION][=AMOUNT], such as \"h100@us-east=2.5 USD\"";
  if (rate.resource_type().empty() || (at != std::string::npos && rate.region().empty())) {
    return Invalid("--rate", text, want);
  }
  if (equals != std::string::npos) {
    const absl::StatusOr<Money> price = ParseMoney(std::string_view(text).substr(equals + 1));
    if (!price.ok()) return Invalid("--rate", text, want);
    ToWire(*price, rate.mutable_unit_price());
  }
  return rate;
}

int ShowOne(const Session& session, const v1::Provider& provider) {
  if (session.json) {
    Print(Json(provider));
    return kExitOk;
  }
  Items<v1::Provider> one;
  *one.Add() = provider;
  std::string text = ShowProviders(one);
  for (const std::string& member : provider.members()) text += Cat("  member     ", member, "\n");
  for (const std::string& other : provider.affiliates())
    text += Cat("  affiliate  ", ShortName(other), "\n");
  if (const v1::Endpoint& endpoint = provider.endpoint(); provider.has_endpoint()) {
    text += Cat("  called at  ", endpoint.address(),
                endpoint.server_name().empty() ? "" : Cat(" as ", endpoint.server_name()), "\n");
  }
  Print(text);
  return kExitOk;
}

// Nothing where no flag says where.
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
  v1::RegisterProviderRequest ask;
  ask.set_provider_id(flags.id);
  ask.set_request_id(RequestKey(flags.request_key));
  v1::Provider& provider = *ask.mutable_provider();
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
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::Provider answer;
  const grpc::Status status = Call(session, *stub, &Stub::RegisterProvider, ask, answer);
  return status.ok() ? ShowOne(session, answer) : FailChange(session, status, ask.request_id());
}

int List(Session& session, const ProviderFlags&) {
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::ListProvidersResponse response;
  const grpc::Status status =
      CallPages(session, *stub, &Stub::ListProviders, v1::ListProvidersRequest(), 0, response);
  if (!status.ok()) return session.Fail(status);
  Print(session.json ? Json(response) : ShowProviders(response.providers()));
  return kExitOk;
}

int Show(Session& session, const ProviderFlags& flags) {
  const absl::StatusOr<std::string> name = ReadProviderName(flags.id);
  if (!name.ok()) return session.Fail(name.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::GetProviderRequest ask;
  ask.set_name(*name);
  v1::Provider provider;
  const grpc::Status status = Call(session, *stub, &Stub::GetProvider, ask, provider);
  return status.ok() ? ShowOne(session, provider) : session.Fail(status);
}

int MoveEndpoint(Session& session, const ProviderFlags& flags) {
  const absl::StatusOr<std::string> name = ReadProviderName(flags.id);
  if (!name.ok()) return session.Fail(name.status());
  if (flags.nowhere == !flags.endpoint.empty()) {
    return session.Fail(Invalid("--at, --none", flags.nowhere ? "both" : "neither", "one of them"));
  }
  v1::UpdateProviderRequest ask;
  ask.mutable_provider()->set_name(*name);
  if (absl::Status status = ReadEndpoint(flags, *ask.mutable_provider()); !status.ok())
    return session.Fail(status);
  ask.mutable_update_mask()->add_paths("endpoint");
  ask.set_request_id(RequestKey(flags.request_key));
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::Provider answer;
  const grpc::Status status = Call(session, *stub, &Stub::UpdateProvider, ask, answer);
  return status.ok() ? ShowOne(session, answer) : FailChange(session, status, ask.request_id());
}

// Suspend and resume: the same question to two methods.
template <class Request, auto kMethod>
int Switch(Session& session, const ProviderFlags& flags) {
  const absl::StatusOr<std::string> name = ReadProviderName(flags.id);
  if (!name.ok()) return session.Fail(name.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  Request ask;
  ask.set_name(*name);
  ask.set_text(flags.text);
  ask.set_request_id(RequestKey(flags.request_key));
  v1::Provider provider;
  const grpc::Status status = Call(session, *stub, kMethod, ask, provider);
  return status.ok() ? ShowOne(session, provider) : FailChange(session, status, ask.request_id());
}

int Health(Session& session, const ProviderFlags& flags) {
  const absl::StatusOr<std::string> name = ReadProviderName(flags.id);
  if (!name.ok()) return session.Fail(name.status());
  if (flags.up == flags.down) {
    return session.Fail(Invalid("--up, --down", flags.up ? "both" : "neither", "one of them"));
  }
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::ReportHealthRequest ask;
  ask.set_name(*name);
  ask.set_healthy(flags.up);
  ask.set_text(flags.text);
  ask.set_request_id(RequestKey(flags.request_key));
  v1::Provider provider;
  const grpc::Status status = Call(session, *stub, &Stub::ReportHealth, ask, provider);
  return status.ok() ? ShowOne(session, provider) : FailChange(session, status, ask.request_id());
}

}  // namespace

void AddProvider(CLI::App& app, Session& session) {
  CLI::App* family =
      AddVerbTo(app, "provider", "Keep the registry of providers, as an operator", "");
  const auto add = [&](const char* name, const char* what, const char* example,
                       int (*run)(Session&, const ProviderFlags&)) {
    auto flags = std::make_shared<ProviderFlags>();
    CLI::App* verb = AddVerbTo(*family, name, what, example);
    verb->callback([&session, flags, run] { session.exit_code = run(session, *flags); });
    return std::pair(verb, flags);
  };
  const auto add_id = [](CLI::App& verb, ProviderFlags& flags) {
    verb.add_option("PROVIDER", flags.id, "Its id: coreweave")->required();
  };
  const auto add_key = [](CLI::App& verb, ProviderFlags& flags) {
    verb.add_option("--request-id", flags.request_key,
                    "Repeat a call safely under its key; default random")
        ->type_name("KEY");
  };
  const auto add_server_name = [](CLI::App& verb, ProviderFlags& flags) {
    verb.add_option("--server-name", flags.server_name,
                    "Whom its certificate has to name: a DNS name or a SPIFFE id; default the host")
        ->type_name("NAME");
  };
  {
    auto [verb, flags] = add("register", "Register a provider",
                             "capbroker provider register stargate --name \"Stargate\" --member "
                             "Oracle --member SoftBank \\\n"
                             "  --rate \"h100@us-east=2.4 USD\" --rate gb200",
                             Register);
    add_id(*verb, *flags);
    verb->add_option("--name", flags->display_name, "For people")->type_name("TEXT");
    AddList(*verb, "--member", flags->members, "TEXT", "Of a consortium");
    AddList(*verb, "--rate", flags->rates, "RATE",
            "What it sells, at which price; default anything");
    AddList(*verb, "--affiliate", flags->affiliates, "PROVIDER",
            "A provider that counts as one with it");
    verb->add_option(
            "--endpoint", flags->endpoint,
            "Where it serves CapacityProvider, and is called about its offers; default: it watches")
        ->option_text("HOST:PORT");
    add_server_name(*verb, *flags);
    add_key(*verb, *flags);
  }
  {
    auto [verb, flags] =
        add("endpoint", "Say where a provider is called about its offers, or that it is not",
            "capbroker provider endpoint coreweave --at desk.coreweave.example:7430 \\\n"
            "  --server-name spiffe://example.org/provider/coreweave\n"
            "capbroker provider endpoint coreweave --none",
            MoveEndpoint);
    add_id(*verb, *flags);
    verb->add_option("--at", flags->endpoint, "Where it serves CapacityProvider")
        ->option_text("HOST:PORT");
    verb->add_flag("--none", flags->nowhere, "It is not called: it watches");
    add_server_name(*verb, *flags);
    add_key(*verb, *flags);
  }
  add("list", "Show every provider, in order of registration", "capbroker provider list", List);
  {
    auto [verb, flags] =
        add("show", "Show one provider", "capbroker provider show coreweave", Show);
    add_id(*verb, *flags);
  }
  const auto add_switch = [&](const char* name, const char* what, const char* example,
                              int (*run)(Session&, const ProviderFlags&)) {
    auto [verb, flags] = add(name, what, example, run);
    add_id(*verb, *flags);
    verb->add_option("--text", flags->text, "Why, for the trail")->required()->type_name("TEXT");
    add_key(*verb, *flags);
  };
  add_switch("suspend", "Stop asking a provider as an alternative",
             "capbroker provider suspend coreweave --text \"outage in us-east\"",
             Switch<v1::SuspendProviderRequest, &Stub::SuspendProvider>);
  add_switch("resume", "Ask a suspended provider again",
             "capbroker provider resume coreweave --text \"outage over\"",
             Switch<v1::ResumeProviderRequest, &Stub::ResumeProvider>);
  auto [verb, flags] =
      add("health", "Say that a provider is well, or not: one that is not may be passed over",
          "capbroker provider health coreweave --down --text \"does not answer\"", Health);
  add_id(*verb, *flags);
  verb->add_flag("--up", flags->up, "It is well");
  verb->add_flag("--down", flags->down, "It is not");
  verb->add_option("--text", flags->text, "Why, for the trail")->required()->type_name("TEXT");
  add_key(*verb, *flags);
}

}  // namespace capbroker
