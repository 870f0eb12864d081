// `capbroker trigger`: asserting, disputing and attesting triggers of an agreement.
#include <CLI/CLI.hpp>

#include "broker/values/ids.h"
#include "broker/values/refusal.h"
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

struct TriggerFlags {
  std::string owner{}, name{}, text{}, measure{}, evidence{}, request_key{};
  bool upheld = false, dismissed = false;
};

// Fields that only one of the methods has.
absl::Status Fill(const TriggerFlags& flags, v1::AttestTriggerRequest& request) {
  return FlagReader()
      .Read("--measure", flags.measure, ParseAmount,
            [&](const Money& m) { ToProto(m, request.mutable_measure()); })
      .status();
}
absl::Status Fill(const TriggerFlags& flags, v1::ResolveDisputeRequest& request) {
  if (flags.upheld == flags.dismissed) {
    return Invalid("--upheld, --dismissed", flags.upheld ? "both" : "neither", "one of them");
  }
  request.set_upheld(flags.upheld);
  return absl::OkStatus();
}
absl::Status Fill(const TriggerFlags& flags, v1::AssertTriggerRequest& request) {
  if (flags.evidence.empty()) return absl::OkStatus();
  const absl::StatusOr<Hash> evidence = ParseHash(flags.evidence);
  if (!evidence.ok())
    return Invalid("--evidence", flags.evidence, "a SHA-256 in 64 hexadecimal digits");
  request.set_evidence(std::string(evidence->begin(), evidence->end()));
  return absl::OkStatus();
}
absl::Status Fill(const TriggerFlags&, const google::protobuf::Message&) {
  return absl::OkStatus();
}

template <class Request, auto kMethod>
int Act(Session& session, const TriggerFlags& flags) {
  auto request =
      MakeRequest<Request>(ReadClauseName(flags.name, flags.owner, "triggers"), flags.request_key);
  if (request.ok()) {
    request->set_text(flags.text);
    if (const absl::Status status = Fill(flags, *request); !status.ok()) request = status;
  }
  return CallAndPrint<Service>(session, kMethod, request, [](const v1::TriggerAssertion& trigger) {
    Items<v1::TriggerAssertion> one;
    *one.Add() = trigger;
    return ShowTriggers(one);
  });
}

int List(Session& session, const TriggerFlags& flags) {
  return ListAndPrint<Service>(
      session, &Stub::ListTriggers,
      MakeRequest<v1::ListTriggersRequest>(ReadAgreementName(flags.name, flags.owner)), 0,
      [](const auto& list) { return ShowTriggers(list.triggers()); });
}

}  // namespace

void AddTrigger(CLI::App& app, Session& session) {
  CLI::App* family = AddVerbTo(
      app, "trigger", "Assert that a trigger of an agreement has occurred, or dispute it", "");
  const auto add = [&](const std::string& name, const std::string& what, const std::string& example,
                       const std::string& positional, const std::string& which,
                       int (*run)(Session&, const TriggerFlags&)) {
    auto [verb, flags] =
        AddVerbTo(*family, session, name, what, "capbroker trigger " + name + " " + example, run);
    AddText(*verb, positional, flags->name, "", which)->required();
    AddOwner(*verb, flags->owner);
    return std::pair(verb, flags);
  };
  const auto add_act = [&](const std::string& name, const std::string& what,
                           const std::string& example, bool with_text,
                           int (*run)(Session&, const TriggerFlags&)) {
    auto [verb, flags] =
        add(name, what, example, "TRIGGER", "OWNER/AGREEMENT/CLAUSE, or the full name", run);
    AddText(*verb, "--text", flags->text, "TEXT", "Explanation for the trail")->required(with_text);
    AddRequestKey(*verb, flags->request_key);
    return std::pair(verb, flags);
  };
  {
    auto [verb, flags] =
        add_act("assert", "Assert that it has occurred, as the owner, the holder or an attester",
                "openai/azure/C6 --text \"declared by the board\" \\\n"
                "  --evidence $(sha256sum <declaration.pdf | cut -d\" \" -f1)",
                true, Act<v1::AssertTriggerRequest, &Stub::AssertTrigger>);
    AddText(*verb, "--evidence", flags->evidence, "SHA256",
            "SHA-256 of what shows it, for the trail");
  }
  add_act("dispute", "Dispute that it has occurred, as the owner or the holder",
          "openai/azure/C6 --text \"not audited\"", true,
          Act<v1::DisputeTriggerRequest, &Stub::DisputeTrigger>);
  {
    auto [verb, flags] = add_act("resolve", "As an operator: record how a dispute was resolved",
                                 "openai/azure/C6 --dismissed --text \"arbitral award\"", true,
                                 Act<v1::ResolveDisputeRequest, &Stub::ResolveDispute>);
    verb->add_flag("--upheld", flags->upheld, "The dispute is upheld: the trigger is rejected");
    verb->add_flag("--dismissed", flags->dismissed,
                   "The dispute is dismissed: the trigger goes on");
  }
  {
    auto [verb, flags] = add_act("attest", "Attest that it has occurred, as a named attester",
                                 "openai/azure/C6 --measure \"120,000,000,000 USD\"", false,
                                 Act<v1::AttestTriggerRequest, &Stub::AttestTrigger>);
    AddText(*verb, "--measure", flags->measure, "AMOUNT",
            "The measured amount, where there is a threshold");
  }
  add_act("withdraw", "Withdraw your own assertion", "openai/azure/C6", false,
          Act<v1::WithdrawTriggerRequest, &Stub::WithdrawTrigger>);
  add("list", "Show the triggers that were asserted", "openai/azure", "AGREEMENT",
      "OWNER/AGREEMENT, or the full name", List);
}

}  // namespace capbroker
