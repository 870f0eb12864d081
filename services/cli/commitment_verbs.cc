// `capbroker commitment`: the statement of a commitment.
#include <CLI/CLI.hpp>

#include "capbroker/v1/agreement_service.grpc.pb.h"
#include "services/cli/call.h"
#include "services/cli/name_arguments.h"
#include "services/cli/show.h"

namespace capbroker {
namespace {

using Service = v1::AgreementService;
using Stub = Service::Stub;

struct CommitmentFlags {
  std::string owner{}, name{};
  bool entries = false;
};

int Statement(Session& session, const CommitmentFlags& flags) {
  const auto name = ReadClauseName(flags.name, flags.owner, "commitments");
  if (flags.entries) {
    return ListAndPrint<Service>(session, &Stub::ListCommitmentEntries,
                                 MakeRequest<v1::ListCommitmentEntriesRequest>(name), 0,
                                 [](const auto& list) { return ShowEntries(list.entries()); });
  }
  return CallAndPrint<Service>(session, &Stub::GetCommitmentStatement,
                               MakeRequest<v1::GetCommitmentStatementRequest>(name), ShowStatement);
}

}  // namespace

void AddCommitment(CLI::App& app, Session& session) {
  auto [verb, flags] =
      AddVerbTo(app, session, "commitment",
                "Show the balance of a commitment, and its projection to the end of the term",
                "capbroker commitment openai/azure/C4 --entries", Statement);
  AddText(*verb, "COMMITMENT", flags->name, "", "OWNER/AGREEMENT/CLAUSE, or the full name")
      ->required();
  AddOwner(*verb, flags->owner);
  verb->add_flag("--entries", flags->entries, "Show every movement instead, oldest first");
}

}  // namespace capbroker
