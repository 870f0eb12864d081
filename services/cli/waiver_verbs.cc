// `capbroker waiver`: waivers that a holder grants and revokes beside an agreement.
#include <CLI/CLI.hpp>

#include "broker/agreements/agreement.h"
#include "broker/values/text.h"
#include "capbroker/v1/agreement_service.grpc.pb.h"
#include "services/cli/call.h"
#include "services/cli/field_flags.h"
#include "services/cli/name_arguments.h"
#include "services/cli/show.h"
#include "services/client/client.h"
#include "services/messages/render.h"

namespace capbroker {
namespace {

using Service = v1::AgreementService;
using Stub = Service::Stub;

struct WaiverFlags {
  std::string owner{}, name{}, request{}, provider{}, text{}, request_key{};
  std::vector<Written> fields{};
};

// In the order of `--help`. A field without a row is described by its type.
constexpr FlagHelp kHelp[] = {
    {"id", "ID", "The waiver's own name: W1"},
    {"lifted_clause_ids", "CLAUSE", "A clause that it lifts"},
    {"scope.workload_classes", "CLASS", "Only this workload class; default any"},
    {"scope.purposes", "PURPOSE", "Only this purpose; default any stated purpose"},
    {"scope.resource_types", "TYPE", "Only this resource type; default any"},
    {"scope.regions", "REGION", "Only this region; default any"},
    {"scope.min_quantity", "N", "Only requests of at least so many units; default any"},
    {"scope.delivery_start_time", "WHEN", "Only deliveries that start then or later"},
    {"scope.delivery_end_time", "WHEN", "Only deliveries that start before then"},
    {"scope.new_capacity_only", "", "Only capacity that is not in use already"},
    {"min_share_ppm", "SHARE", "\"Primarily\": at least this share of a request"},
    {"covers", "WHAT", "The segments in its scope (default), or the whole request"},
    {"cap_quantity", "N", "Most units in total; default no cap"},
    {"start_time", "WHEN", "First instant; default now"},
    {"end_time", "WHEN", "End, exclusive; default the agreement's"},
    {"text", "TEXT", "A note for readers"},
};

std::string ShowWaiver(const v1::GrantedWaiver& waiver) {
  Items<v1::GrantedWaiver> one;
  *one.Add() = waiver;
  return ShowWaivers(one);
}

// Fills `out` from the flags.
absl::Status ReadWaiver(const WaiverFlags& flags, v1::GrantedWaiver& out) {
  Clause clause{.content = Waiver{}};
  if (absl::Status status = SetFields(clause, flags.fields, LocalNow()); !status.ok())
    return status;
  Render(clause, out.mutable_clause());
  if (!flags.request.empty()) {
    const absl::StatusOr<std::string> request = ReadRequestName(flags.request, flags.owner);
    if (!request.ok()) return request.status();
    out.set_capacity_request(*request);
  }
  if (!flags.provider.empty()) {
    const absl::StatusOr<std::string> provider = ReadProviderName(flags.provider);
    if (!provider.ok()) return provider.status();
    out.set_provider(*provider);
  }
  return absl::OkStatus();
}

int GrantOne(Session& session, const WaiverFlags& flags) {
  auto request = MakeRequest<v1::GrantWaiverRequest>(ReadAgreementName(flags.name, flags.owner),
                                                     flags.request_key);
  if (request.ok()) {
    const absl::Status status = ReadWaiver(flags, *request->mutable_waiver());
    if (!status.ok()) request = status;
  }
  return CallAndPrint<Service>(session, &Stub::GrantWaiver, request, ShowWaiver);
}

int Revoke(Session& session, const WaiverFlags& flags) {
  auto request = MakeRequest<v1::RevokeWaiverRequest>(
      ReadClauseName(flags.name, flags.owner, "waivers"), flags.request_key);
  if (request.ok()) request->set_text(flags.text);
  return CallAndPrint<Service>(session, &Stub::RevokeWaiver, request, ShowWaiver);
}

int List(Session& session, const WaiverFlags& flags) {
  return ListAndPrint<Service>(
      session, &Stub::ListWaivers,
      MakeRequest<v1::ListWaiversRequest>(ReadAgreementName(flags.name, flags.owner)), 0,
      [](const auto& list) { return ShowWaivers(list.waivers()); });
}

}  // namespace

void AddWaiver(CLI::App& app, Session& session) {
  CLI::App* family = AddVerbTo(app, "waiver", "Waive clauses of an agreement, as their holder", "");
  const auto add = [&](const std::string& name, const std::string& what, const std::string& example,
                       const std::string& positional, const std::string& which,
                       int (*run)(Session&, const WaiverFlags&)) {
    auto [verb, flags] =
        AddVerbTo(*family, session, name, what, "capbroker waiver " + name + " " + example, run);
    AddText(*verb, positional, flags->name, "", which)->required();
    AddOwner(*verb, flags->owner);
    return std::pair(verb, flags);
  };
  {
    auto [verb, flags] = add("grant", "Grant a waiver, standing or for one request",
                             "openai/azure --id W1 --lifted-clause-ids C2 \\\n"
                             "  --purposes RESEARCH --cap-quantity 10,000",
                             "AGREEMENT", "OWNER/AGREEMENT, or the full name", GrantOne);
    constexpr std::string_view kWithout[] = {kKindField};
    AddFieldFlags(*verb, Clause{.content = Waiver{}}, kHelp, kWithout, flags->fields);
    AddText(*verb, "--capacity-request", flags->request, "REQUEST", "For this request only");
    AddText(*verb, "--request", flags->request, "REQUEST", "The same")->group("");
    AddText(*verb, "--provider", flags->provider, "PROVIDER", "For what this provider takes only");
    AddRequestKey(*verb, flags->request_key);
  }
  {
    auto [verb, flags] = add("revoke", "Revoke a waiver; what was placed under it stands",
                             "openai/azure/W1 --text \"the pilot is over\"", "WAIVER",
                             "OWNER/AGREEMENT/ID, or the full name", Revoke);
    AddText(*verb, "--text", flags->text, "TEXT", "Why, for the trail");
    AddRequestKey(*verb, flags->request_key);
  }
  add("list", "Show the waivers granted beside an agreement", "openai/azure", "AGREEMENT",
      "OWNER/AGREEMENT, or the full name", List);
}

}  // namespace capbroker
