// Waivers beside agreements: `capbroker waiver ...`, a holder's to give and to end.
#include <CLI/CLI.hpp>

#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "capbroker/v1/agreement_service.grpc.pb.h"
#include "services/cli/call.h"
#include "services/cli/show_beside.h"
#include "services/cli/typed_name.h"
#include "services/cli/wire.h"
#include "services/client/local_clock.h"
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

int ShowOne(const Session& session, const v1::GrantedWaiver& waiver) {
  Items<v1::GrantedWaiver> one;
  *one.Add() = waiver;
  Print(session.json ? Json(waiver) : ShowWaivers(one));
  return kExitOk;
}

// The waiver that the flags describe.
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
  const auto read = [](std::string_view flag, const std::string& text, auto parse,
                       auto set) -> absl::Status {
    if (text.empty()) return absl::OkStatus();
    auto value = parse(std::string_view(text));
    if (!value.ok())
      return absl::InvalidArgumentError(Cat(flag, ": ", View(value.status().message())));
    set(*value);
    return absl::OkStatus();
  };
  const auto when = [](std::string_view text) { return ParseWhen(text, LocalNow()); };
  const auto share = [](std::string_view text) { return ParseShare(text); };
  for (const absl::Status& status :
       {read("--min-share", flags.min_share, share,
             [&](int64_t ppm) { waiver.set_min_share_ppm(static_cast<int32_t>(ppm)); }),
        read("--cap", flags.cap, ParseQuantity, [&](int64_t n) { waiver.set_cap_quantity(n); }),
        read("--from", flags.from, when,
             [&](Instant t) { ToWire(t, waiver.mutable_start_time()); }),
        read("--to", flags.to, when, [&](Instant t) { ToWire(t, waiver.mutable_end_time()); })}) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

int Grant(Session& session, const WaiverFlags& flags) {
  const absl::StatusOr<std::string> parent = ReadAgreementName(flags.name, flags.owner);
  if (!parent.ok()) return session.Fail(parent.status());
  v1::GrantWaiverRequest ask;
  ask.set_parent(*parent);
  if (const absl::Status status = ReadWaiver(flags, *ask.mutable_waiver()); !status.ok())
    return session.Fail(status);
  ask.set_request_id(RequestKey(flags.request_key));
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::GrantedWaiver waiver;
  const grpc::Status status = Call(session, *stub, &Stub::GrantWaiver, ask, waiver);
  return status.ok() ? ShowOne(session, waiver) : FailChange(session, status, ask.request_id());
}

int Revoke(Session& session, const WaiverFlags& flags) {
  const absl::StatusOr<std::string> name = ReadClauseName(flags.name, flags.owner, "waivers");
  if (!name.ok()) return session.Fail(name.status());
  v1::RevokeWaiverRequest ask;
  ask.set_name(*name);
  ask.set_text(flags.text);
  ask.set_request_id(RequestKey(flags.request_key));
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::GrantedWaiver waiver;
  const grpc::Status status = Call(session, *stub, &Stub::RevokeWaiver, ask, waiver);
  return status.ok() ? ShowOne(session, waiver) : FailChange(session, status, ask.request_id());
}

int List(Session& session, const WaiverFlags& flags) {
  const absl::StatusOr<std::string> parent = ReadAgreementName(flags.name, flags.owner);
  if (!parent.ok()) return session.Fail(parent.status());
  v1::ListWaiversRequest ask;
  ask.set_parent(*parent);
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::ListWaiversResponse response;
  const grpc::Status status = CallPages(session, *stub, &Stub::ListWaivers, ask, 0, response);
  if (!status.ok()) return session.Fail(status);
  Print(session.json ? Json(response) : ShowWaivers(response.waivers()));
  return kExitOk;
}

}  // namespace

void AddWaiver(CLI::App& app, Session& session) {
  CLI::App* family = AddVerbTo(app, "waiver", "Give up clauses of an agreement, as its holder", "");
  const auto add = [&](const char* name, const char* what, const char* example,
                       const char* positional, const char* which,
                       int (*run)(Session&, const WaiverFlags&)) {
    auto flags = std::make_shared<WaiverFlags>();
    CLI::App* verb = AddVerbTo(*family, name, what, example);
    verb->callback([&session, flags, run] { session.exit_code = run(session, *flags); });
    verb->add_option(positional, flags->name, which)->required();
    verb->add_option("--owner", flags->owner, "Whose: openai")
        ->type_name("OWNER")
        ->envname("CAPBROKER_OWNER");
    return std::pair(verb, flags);
  };
  const auto add_key = [](CLI::App& verb, WaiverFlags& flags) {
    verb.add_option("--request-id", flags.request_key,
                    "Repeat a call safely under its key; default random")
        ->type_name("KEY");
  };
  {
    auto [verb, flags] =
        add("grant", "Write a waiver, standing or for one request",
            "capbroker waiver grant openai/azure --id W1 --lift C2 --purpose RESEARCH --cap 10,000",
            "AGREEMENT", "OWNER/AGREEMENT, or the full name", Grant);
    verb->add_option("--id", flags->id, "The waiver's own name: W1")->required()->type_name("ID");
    AddList(*verb, "--lift", flags->lifts, "CLAUSE", "A clause that it lifts")->required();
    verb->add_option("--request", flags->request, "For this request only")->type_name("REQUEST");
    AddList(*verb, "--class", flags->classes, "CLASS", "Only this class of workload; default any");
    AddList(*verb, "--purpose", flags->purposes, "PURPOSE",
            "Only this purpose; default any that is stated");
    AddList(*verb, "--resource", flags->resources, "TYPE", "Only this resource type; default any");
    AddList(*verb, "--region", flags->regions, "REGION", "Only this region; default any");
    verb->add_option("--min-share", flags->min_share,
                     "\"Primarily\": at least this share of a request")
        ->type_name("SHARE");
    verb->add_option("--cap", flags->cap, "Units in all; default no cap")->type_name("N");
    verb->add_option("--from", flags->from, "First instant; default now")->type_name("WHEN");
    verb->add_option("--to", flags->to, "End, exclusive; default the agreement's")
        ->type_name("WHEN");
    verb->add_option("--text", flags->text, "A reader's note")->type_name("TEXT");
    add_key(*verb, *flags);
  }
  {
    auto [verb, flags] = add("revoke", "End a waiver; what was placed under it stands",
                             "capbroker waiver revoke openai/azure/W1 --text \"the pilot is over\"",
                             "WAIVER", "OWNER/AGREEMENT/ID, or the full name", Revoke);
    verb->add_option("--text", flags->text, "Why, for the trail")->type_name("TEXT");
    add_key(*verb, *flags);
  }
  add("list", "Show the waivers beside an agreement", "capbroker waiver list openai/azure",
      "AGREEMENT", "OWNER/AGREEMENT, or the full name", List);
}

}  // namespace capbroker
