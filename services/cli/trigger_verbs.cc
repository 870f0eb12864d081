// Triggers: `capbroker trigger ...`, by those whom they concern, and an operator's settling of a
// dispute.
#include <CLI/CLI.hpp>

#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "capbroker/v1/agreement_service.grpc.pb.h"
#include "services/cli/call.h"
#include "services/cli/show_beside.h"
#include "services/cli/typed_name.h"
#include "services/cli/wire.h"
#include "services/notation/parse.h"

namespace capbroker {
namespace {

using Service = v1::AgreementService;
using Stub = Service::Stub;

struct TriggerFlags {
  std::string owner{}, name{}, text{}, measure{}, request_key{};
  bool upheld = false, dismissed = false;
};

// What only one of the methods asks for.
absl::Status Fill(const TriggerFlags& flags, v1::AttestTriggerRequest& ask) {
  if (flags.measure.empty()) return absl::OkStatus();
  const absl::StatusOr<Money> measure = ParseAmount(flags.measure);
  if (!measure.ok())
    return absl::InvalidArgumentError(Cat("--measure: ", View(measure.status().message())));
  ToWire(*measure, ask.mutable_measure());
  return absl::OkStatus();
}
absl::Status Fill(const TriggerFlags& flags, v1::ResolveDisputeRequest& ask) {
  if (flags.upheld == flags.dismissed) {
    return Invalid("--upheld, --dismissed", flags.upheld ? "both" : "neither", "one of them");
  }
  ask.set_upheld(flags.upheld);
  return absl::OkStatus();
}
absl::Status Fill(const TriggerFlags&, const google::protobuf::Message&) {
  return absl::OkStatus();
}

template <class Request, auto kMethod>
int Act(Session& session, const TriggerFlags& flags) {
  const absl::StatusOr<std::string> name = ReadClauseName(flags.name, flags.owner, "triggers");
  if (!name.ok()) return session.Fail(name.status());
  Request ask;
  ask.set_name(*name);
  ask.set_text(flags.text);
  if (const absl::Status status = Fill(flags, ask); !status.ok()) return session.Fail(status);
  ask.set_request_id(RequestKey(flags.request_key));
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::TriggerAssertion trigger;
  const grpc::Status status = Call(session, *stub, kMethod, ask, trigger);
  if (!status.ok()) return FailChange(session, status, ask.request_id());
  Items<v1::TriggerAssertion> one;
  *one.Add() = trigger;
  Print(session.json ? Json(trigger) : ShowTriggers(one));
  return kExitOk;
}

int List(Session& session, const TriggerFlags& flags) {
  const absl::StatusOr<std::string> parent = ReadAgreementName(flags.name, flags.owner);
  if (!parent.ok()) return session.Fail(parent.status());
  v1::ListTriggersRequest ask;
  ask.set_parent(*parent);
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::ListTriggersResponse response;
  const grpc::Status status = CallPages(session, *stub, &Stub::ListTriggers, ask, 0, response);
  if (!status.ok()) return session.Fail(status);
  Print(session.json ? Json(response) : ShowTriggers(response.triggers()));
  return kExitOk;
}

}  // namespace

void AddTrigger(CLI::App& app, Session& session) {
  CLI::App* family =
      AddVerbTo(app, "trigger", "Say that a trigger of an agreement has happened, or has not", "");
  const auto add = [&](const char* name, const char* what, const char* example,
                       const char* positional, const char* which,
                       int (*run)(Session&, const TriggerFlags&)) {
    auto flags = std::make_shared<TriggerFlags>();
    CLI::App* verb = AddVerbTo(*family, name, what, example);
    verb->callback([&session, flags, run] { session.exit_code = run(session, *flags); });
    verb->add_option(positional, flags->name, which)->required();
    verb->add_option("--owner", flags->owner, "Whose: openai")
        ->type_name("OWNER")
        ->envname("CAPBROKER_OWNER");
    return std::pair(verb, flags);
  };
  const auto add_act = [&](const char* name, const char* what, const char* example, bool with_text,
                           int (*run)(Session&, const TriggerFlags&)) {
    auto [verb, flags] =
        add(name, what, example, "TRIGGER", "OWNER/AGREEMENT/CLAUSE, or the full name", run);
    CLI::Option* text =
        verb->add_option("--text", flags->text, "In words, for the trail")->type_name("TEXT");
    if (with_text) text->required();
    verb->add_option("--request-id", flags->request_key,
                     "Repeat a call safely under its key; default random")
        ->type_name("KEY");
    return std::pair(verb, flags);
  };
  add_act("assert", "Say that it has happened, as the owner, the holder or an attester",
          "capbroker trigger assert openai/azure/C6 --text \"declared by the board\"", true,
          Act<v1::AssertTriggerRequest, &Stub::AssertTrigger>);
  add_act("dispute", "Say that it has not, as the owner or the holder",
          "capbroker trigger dispute openai/azure/C6 --text \"not audited\"", true,
          Act<v1::DisputeTriggerRequest, &Stub::DisputeTrigger>);
  {
    auto [verb, flags] =
        add_act("resolve", "As an operator: record how a dispute was settled",
                "capbroker trigger resolve openai/azure/C6 --dismissed --text \"arbitral award\"",
                true, Act<v1::ResolveDisputeRequest, &Stub::ResolveDispute>);
    verb->add_flag("--upheld", flags->upheld, "The trigger is rejected");
    verb->add_flag("--dismissed", flags->dismissed, "The trigger goes on");
  }
  {
    auto [verb, flags] =
        add_act("attest", "Sign that it has happened, as a named attester",
                "capbroker trigger attest openai/azure/C6 --measure \"120,000,000,000 USD\"", false,
                Act<v1::AttestTriggerRequest, &Stub::AttestTrigger>);
    verb->add_option("--measure", flags->measure, "What was measured, where there is a threshold")
        ->type_name("AMOUNT");
  }
  add_act("withdraw", "Take your assertion back", "capbroker trigger withdraw openai/azure/C6",
          false, Act<v1::WithdrawTriggerRequest, &Stub::WithdrawTrigger>);
  add("list", "Show the triggers that were asserted", "capbroker trigger list openai/azure",
      "AGREEMENT", "OWNER/AGREEMENT, or the full name", List);
}

}  // namespace capbroker
