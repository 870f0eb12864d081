// `capbroker agreement lint` and `diff`: reading versions before and after they are recorded.
#include "services/cli/agreement_check.h"

#include <google/protobuf/struct.pb.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "broker/agreements/difference.h"
#include "broker/deciding/lint.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "capbroker/v1/agreement_service.grpc.pb.h"
#include "services/cli/agreement_file.h"
#include "services/cli/call.h"
#include "services/cli/name_arguments.h"
#include "services/cli/show.h"
#include "services/client/client.h"
#include "services/messages/parse.h"
#include "services/messages/parse_values.h"
#include "services/messages/render.h"

namespace capbroker {
namespace {

using Service = v1::AgreementService;
using Stub = Service::Stub;

struct CheckFlags {
  std::vector<std::string> names{};
  std::string owner{};
  bool server = false;
};

// As the broker would take it. Where the file leaves the number or the first instant open, 1 and
// this one.
AgreementVersion Completed(AgreementVersion version) {
  version.version = std::max(version.version, 1u);
  if (!version.effective_from.IsSet()) version.effective_from = LocalNow();
  return version;
}

// Everybody whom the version names: whether they are registered, only a broker knows.
Directory Named(const AgreementVersion& version) {
  constexpr std::string_view kProvider = "provider/";
  Directory directory;
  directory.Put({.id = version.holder});
  for (const Clause& clause : version.clauses) {
    const auto* trigger = As<TriggerClause>(clause);
    if (trigger == nullptr) continue;
    for (const auto* parties : {&trigger->attesters, &trigger->resolvers}) {
      for (const std::string& party : *parties) {
        if (party.starts_with(kProvider)) directory.Put({.id = {party.substr(kProvider.size())}});
      }
    }
  }
  return directory;
}

// INVALID_ARGUMENT for a version that is malformed.
absl::StatusOr<v1::LintAgreementResponse> LintAlone(const OwnedAgreement& file) {
  const AgreementVersion version = Completed(file.version);
  if (absl::Status status = Validate(version); !status.ok()) return status;
  v1::LintAgreementResponse response;
  for (const Finding& finding : Lint(version, file.owner, Account{}, Named(version)))
    Render(finding, response.add_findings());
  return response;
}

int LintFile(Session& session, const CheckFlags& flags) {
  const absl::StatusOr<OwnedAgreement> file = LoadAgreement(flags.names[0]);
  if (!file.ok()) return session.Fail(file.status());
  v1::LintAgreementResponse response;
  if (flags.server) {
    const auto stub = Reach<Service>(session);
    if (stub == nullptr) return session.exit_code;
    v1::LintAgreementRequest ask;
    ask.set_parent(Cat("owners/", file->owner.value));
    ask.set_agreement_id(file->version.agreement.value);
    ask.set_holder(Cat("providers/", file->version.holder.value));
    Render(file->version, ask.mutable_version());
    const grpc::Status status = Call(session, *stub, &Stub::LintAgreement, ask, response);
    if (!status.ok()) {  // What `apply` would be refused with is what was to be found out.
      const int exit_code = session.Fail(status);
      return status.error_code() == grpc::StatusCode::INVALID_ARGUMENT ? kExitRefused : exit_code;
    }
  } else {
    absl::StatusOr<v1::LintAgreementResponse> alone = LintAlone(*file);
    if (!alone.ok()) {
      return session.Fail(
          absl::InvalidArgumentError(Cat(flags.names[0], ": ", View(alone.status().message()))));
    }
    response = *std::move(alone);
  }
  Print(session.json ? Json(response) : ShowFindings(response.findings()));
  for (const v1::Finding& finding : response.findings()) {
    if (finding.severity() == v1::Finding::SEVERITY_ERROR) return kExitRefused;
  }
  return kExitOk;
}

// A file, or a recorded version: "openai/azure", the newest, or "openai/azure@2".
int ReadEither(Session& session, const CheckFlags& flags, const std::string& text,
               AgreementVersion& out) {
  if (text == "-" || std::filesystem::exists(text)) {
    const absl::StatusOr<OwnedAgreement> loaded = LoadAgreement(text);
    if (!loaded.ok()) return session.Fail(loaded.status());
    out = Completed(loaded->version);
  } else {
    const size_t at = text.find('@');
    const absl::StatusOr<std::string> name = ReadAgreementName(text.substr(0, at), flags.owner);
    if (!name.ok()) return session.Fail(name.status());
    const auto number =
        at == text.npos ? std::optional<int32_t>(0) : ParseNumber<int32_t>(text.substr(at + 1));
    if (!number || (at != text.npos && *number < 1))
      return session.Fail(
          Invalid("AGREEMENT", text, "a file, OWNER/AGREEMENT or OWNER/AGREEMENT@VERSION"));
    const auto stub = Reach<Service>(session);
    if (stub == nullptr) return session.exit_code;
    v1::GetAgreementRequest get;
    get.set_name(*name);
    v1::Agreement agreement;
    if (const grpc::Status status = Call(session, *stub, &Stub::GetAgreement, get, agreement);
        !status.ok())
      return session.Fail(status);
    v1::ListAgreementVersionsRequest ask;
    ask.set_parent(*name);
    v1::ListAgreementVersionsResponse versions;
    const grpc::Status status =
        CallPages(session, *stub, &Stub::ListAgreementVersions, ask, 0, versions);
    if (!status.ok()) return session.Fail(status);
    const int32_t wanted = *number == 0 ? agreement.latest_version().version() : *number;
    bool found = false;
    for (const v1::AgreementVersion& version : versions.agreement_versions()) {
      if (version.version() != wanted) continue;
      out = FromMessage(agreement, version).version;
      found = true;
    }
    if (!found) {
      return session.Fail(Invalid(
          "AGREEMENT", text, Cat("a version from 1 to ", agreement.latest_version().version())));
    }
  }
  return kExitOk;
}

int Diff(Session& session, const CheckFlags& flags) {
  AgreementVersion before, after;
  if (const int exit_code = ReadEither(session, flags, flags.names[0], before);
      exit_code != kExitOk)
    return exit_code;
  if (const int exit_code = ReadEither(session, flags, flags.names[1], after); exit_code != kExitOk)
    return exit_code;
  const std::vector<std::string> sentences = DifferenceInWords(before, after);
  std::string out;
  if (session.json) {
    google::protobuf::ListValue list;
    for (const std::string& sentence : sentences) list.add_values()->set_string_value(sentence);
    out = Json(list);
  } else {
    for (const std::string& sentence : sentences) out += sentence + "\n";
    if (out.empty()) out = "no difference\n";
  }
  Print(out);
  return kExitOk;
}

}  // namespace

void AddAgreementChecks(CLI::App& family, Session& session) {
  auto flags = std::make_shared<CheckFlags>();
  CLI::App* lint = AddVerbTo(
      family, "lint", "Show what is wrong or odd about a version, from its file; 1 if it is wrong",
      "capbroker agreement lint openai-azure-v4.yaml --server");
  lint->add_option("FILE", flags->names, "One version; - is stdin")->required()->expected(1);
  lint->add_flag("--server", flags->server, "Beside what the broker has recorded, not by itself");
  lint->callback([&session, flags] { session.exit_code = LintFile(session, *flags); });
  auto both = std::make_shared<CheckFlags>();
  CLI::App* diff =
      AddVerbTo(family, "diff", "Show in words what changes from one version to another",
                "capbroker agreement diff openai/azure@2 openai-azure-v3.yaml");
  diff->add_option("A-B", both->names,
                   "Two of: a file, OWNER/AGREEMENT (the newest), OWNER/AGREEMENT@VERSION")
      ->required()
      ->expected(2);
  diff->add_option("--owner", both->owner, "Whose: openai")
      ->type_name("OWNER")
      ->envname("CAPBROKER_OWNER");
  diff->callback([&session, both] { session.exit_code = Diff(session, *both); });
}

}  // namespace capbroker
