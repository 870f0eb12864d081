// `capbroker waiver`: waivers that a holder grants and revokes beside an agreement.
#include <CLI/CLI.hpp>

#include "capbroker/v1/agreement_service.grpc.pb.h"
#include "services/cli/call.h"
#include "services/cli/name_arguments.h"
#include "services/cli/show.h"
#include "services/client/proto_values.h"
#include "services/notation/parse.h"

namespace capbroker {
namespace {

using Service = v1::AgreementService;
using Stub = Service::Stub;

struct WaiverFlags {
  std::string owner{}, name{}, id{}, request{}, min_share{}, cap{}, from{}, to{}, text{},
      request_key{};
  std::vector<std::string> lifts{}, classes{}, purposes{}, resources{}, regions{};
};

std::string ShowWaiver(const v1::GrantedWaiver& waiver) {
  Items<v1::GrantedWaiver> one;
  *one.Add() = waiver;
  return ShowWaivers(one);
}

// Fills `out` from the flags.
absl::Status ReadWaiver(const WaiverFlags& flags, v1::GrantedWaiver& out) {
  v1::Clause& clause = *out.mutable_clause();
  clause.set_id(flags.id);
  clause.set_text(flags.text);
  v1::Waiver& waiver = *clause.mutable_waiver();
  waiver.mutable_lifted_clause_ids()->Add(flags.lifts.begin(), flags.lifts.end());
  v1::Scope& scope = *clause.mutable_scope();
  scope.mutable_workload_classes()->Add(flags.classes.begin(), flags.classes.end());
  scope.mutable_purposes()->Add(flags.purposes.begin(), flags.purposes.end());
  scope.mutable_resource_types()->Add(flags.resources.begin(), flags.resources.end());
  scope.mutable_regions()->Add(flags.regions.begin(), flags.regions.end());
  if (!flags.request.empty()) {
    const absl::StatusOr<std::string> request = ReadRequestName(flags.request, flags.owner);
    if (!request.ok()) return request.status();
    out.set_capacity_request(*request);
  }
  const auto when = [](std::string_view text) { return ParseWhen(text, LocalNow()); };
  const auto share = [](std::string_view text) { return ParseShare(text); };
  return FlagReader()
      .Read("--min-share", flags.min_share, share,
            [&](int64_t ppm) { waiver.set_min_share_ppm(static_cast<int32_t>(ppm)); })
      .Read("--cap", flags.cap, ParseQuantity, [&](int64_t n) { waiver.set_cap_quantity(n); })
      .Read("--from", flags.from, when, [&](Instant t) { ToProto(t, waiver.mutable_start_time()); })
      .Read("--to", flags.to, when, [&](Instant t) { ToProto(t, waiver.mutable_end_time()); })
      .status();
}

int Grant(Session& session, const WaiverFlags& flags) {
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
                             "openai/azure --id W1 --lift C2 --purpose RESEARCH --cap 10,000",
                             "AGREEMENT", "OWNER/AGREEMENT, or the full name", Grant);
    AddText(*verb, "--id", flags->id, "ID", "The waiver's own name: W1")->required();
    AddList(*verb, "--lift", flags->lifts, "CLAUSE", "A clause that it lifts")->required();
    AddText(*verb, "--request", flags->request, "REQUEST", "For this request only");
    AddList(*verb, "--class", flags->classes, "CLASS", "Only this workload class; default any");
    AddList(*verb, "--purpose", flags->purposes, "PURPOSE",
            "Only this purpose; default any stated purpose");
    AddList(*verb, "--resource", flags->resources, "TYPE", "Only this resource type; default any");
    AddList(*verb, "--region", flags->regions, "REGION", "Only this region; default any");
    AddText(*verb, "--min-share", flags->min_share, "SHARE",
            "\"Primarily\": at least this share of a request");
    AddText(*verb, "--cap", flags->cap, "N", "Most units in total; default no cap");
    AddText(*verb, "--from", flags->from, "WHEN", "First instant; default now");
    AddText(*verb, "--to", flags->to, "WHEN", "End, exclusive; default the agreement's");
    AddText(*verb, "--text", flags->text, "TEXT", "A note for readers");
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
