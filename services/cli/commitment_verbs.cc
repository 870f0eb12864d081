// A commitment's statement: `capbroker commitment NAME`.
#include <CLI/CLI.hpp>

#include "capbroker/v1/agreement_service.grpc.pb.h"
#include "services/cli/call.h"
#include "services/cli/show_beside.h"
#include "services/cli/typed_name.h"

namespace capbroker {
namespace {

using Service = v1::AgreementService;
using Stub = Service::Stub;

struct CommitmentFlags {
  std::string owner{}, name{};
  bool entries = false;
};

int Statement(Session& session, const CommitmentFlags& flags) {
  const absl::StatusOr<std::string> name = ReadClauseName(flags.name, flags.owner, "commitments");
  if (!name.ok()) return session.Fail(name.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  if (flags.entries) {
    v1::ListCommitmentEntriesRequest ask;
    ask.set_parent(*name);
    v1::ListCommitmentEntriesResponse response;
    const grpc::Status status =
        CallPages(session, *stub, &Stub::ListCommitmentEntries, ask, 0, response);
    if (!status.ok()) return session.Fail(status);
    Print(session.json ? Json(response) : ShowEntries(response.entries()));
    return kExitOk;
  }
  v1::GetCommitmentStatementRequest ask;
  ask.set_name(*name);
  v1::CommitmentStatement statement;
  const grpc::Status status = Call(session, *stub, &Stub::GetCommitmentStatement, ask, statement);
  if (!status.ok()) return session.Fail(status);
  Print(session.json ? Json(statement) : ShowStatement(statement));
  return kExitOk;
}

}  // namespace

void AddCommitment(CLI::App& app, Session& session) {
  auto flags = std::make_shared<CommitmentFlags>();
  CLI::App* verb = AddVerbTo(app, "commitment",
                             "Where a commitment stands, and what it comes to at the term's end",
                             "capbroker commitment openai/azure/C4 --entries");
  verb->add_option("COMMITMENT", flags->name, "OWNER/AGREEMENT/CLAUSE, or the full name")
      ->required();
  verb->add_option("--owner", flags->owner, "Whose: openai")
      ->type_name("OWNER")
      ->envname("CAPBROKER_OWNER");
  verb->add_flag("--entries", flags->entries, "Every movement instead, oldest first");
  verb->callback([&session, flags] { session.exit_code = Statement(session, *flags); });
}

}  // namespace capbroker
