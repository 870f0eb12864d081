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
#include "services/messages/fields.h"
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

// As the broker would read it. Where the file leaves the number or the first instant open, 1 and
// this one.
absl::StatusOr<AgreementVersion> VersionOf(const AgreementFile& file) {
  Fields fields;
  AgreementVersion version = ReadVersion(fields, "version", file.body);
  if (absl::Status status = fields.status(); !status.ok()) return status;
  version.agreement.value = file.agreement;
  version.holder.value = file.holder;
  version.version = std::max(file.version, 1u);
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
    for (const std::string& party : trigger->attesters) {
      if (party.starts_with(kProvider)) directory.Put({.id = {party.substr(kProvider.size())}});
    }
  }
  return directory;
}

// INVALID_ARGUMENT for a version that is malformed.
absl::StatusOr<v1::LintAgreementResponse> LintAlone(const AgreementFile& file) {
  const absl::StatusOr<AgreementVersion> version = VersionOf(file);
  if (!version.ok()) return version.status();
  if (absl::Status status = Validate(*version); !status.ok()) return AsInMessage(*version, status);
  v1::LintAgreementResponse response;
  for (const Finding& finding : Lint(*version, {file.owner}, Account{}, Named(*version))) {
    Render(*version, finding, response.add_findings());
  }
  return response;
}

int LintFile(Session& session, const CheckFlags& flags) {
  const absl::StatusOr<AgreementFile> file = LoadAgreement(flags.names[0]);
  if (!file.ok()) return session.Fail(file.status());
  v1::LintAgreementResponse response;
  if (flags.server) {
    const auto stub = Reach<Service>(session);
    if (stub == nullptr) return session.exit_code;
    v1::LintAgreementRequest ask;
    ask.set_parent(Cat("owners/", file->owner));
    ask.set_agreement_id(file->agreement);
    ask.set_provider(Cat("providers/", file->holder));
    *ask.mutable_version() = file->body;
    const grpc::Status status = Call(session, *stub, &Stub::LintAgreement, ask, response);
    if (!status.ok()) return session.Fail(status);
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
  AgreementFile file;
  if (text == "-" || std::filesystem::exists(text)) {
    absl::StatusOr<AgreementFile> loaded = LoadAgreement(text);
    if (!loaded.ok()) return session.Fail(loaded.status());
    file = *std::move(loaded);
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
    for (const v1::AgreementVersion& version : versions.agreement_versions()) {
      if (version.version() == wanted) file.body = version;
    }
    if (file.body.version() == 0) {
      return session.Fail(Invalid(
          "AGREEMENT", text, Cat("a version from 1 to ", agreement.latest_version().version())));
    }
    const std::string short_name = ShortName(*name);
    file.agreement = short_name.substr(short_name.find('/') + 1);
    file.holder = ShortName(agreement.provider());
    file.version = static_cast<uint32_t>(wanted);
  }
  absl::StatusOr<AgreementVersion> version = VersionOf(file);
  if (!version.ok())
    return session.Fail(
        absl::InvalidArgumentError(Cat(text, ": ", View(version.status().message()))));
  out = *std::move(version);
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
