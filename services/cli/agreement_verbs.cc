// Agreements: `capbroker agreement ...`, recorded from files and shown as files.
#include <CLI/CLI.hpp>

#include "broker/values/ids.h"
#include "broker/values/refusal.h"
#include "broker/values/show.h"
#include "broker/values/text.h"
#include "capbroker/v1/agreement_service.grpc.pb.h"
#include "services/cli/agreement_check.h"
#include "services/cli/agreement_file.h"
#include "services/cli/call.h"
#include "services/cli/name_arguments.h"
#include "services/cli/show.h"
#include "services/client/client.h"
#include "services/client/proto_values.h"
#include "services/messages/render.h"
#include "services/notation/parse.h"

namespace capbroker {
namespace {

using Service = v1::AgreementService;
using Stub = Service::Stub;

struct AgreementFlags {
  std::vector<std::string> files{};
  std::string owner{}, name{};
  std::string end_time{}, text{}, request_key{};
  uint32_t version = 0;
  bool yaml = false;
};

// What a recorded version would be as a file. Without its number and, where the other does not say
// it, its first instant: then what is left is what it says.
std::string Words(OwnedAgreement file, bool with_time) {
  file.version.version = 0;
  if (!with_time) file.version.effective_from = {};
  return WriteAgreement(file);
}

grpc::Status Versions(const Session& session, Stub& stub, const std::string& name,
                      v1::ListAgreementVersionsResponse& versions) {
  v1::ListAgreementVersionsRequest ask;
  ask.set_parent(name);
  return CallPages(session, stub, &Stub::ListAgreementVersions, ask, 0, versions);
}

void Say(const Session& session, std::string_view deed, const v1::Agreement& agreement,
         uint32_t version) {
  if (session.json) {
    Print(Json(agreement));
  } else {
    Print(Cat(ShortName(agreement.name()), " version ", version, ": ", deed, "\n"));
  }
}

// Records one file. The key of each call is made from what it says, so that a repeat after a lost
// answer is known as one.
int ApplyFile(const Session& session, Stub& stub, const std::string& path,
              const OwnedAgreement& file) {
  const AgreementVersion& given = file.version;
  const std::string short_name = Cat(file.owner.value, "/", given.agreement.value);
  const std::string name = Cat("owners/", file.owner.value, "/agreements/", given.agreement.value);
  const auto refuse = [&](std::string_view got, std::string_view want) {
    (void)session.Fail(Invalid(Cat(path, ": version"), got, want));
    return kExitRefused;
  };
  const std::string words = Words(file, /*with_time=*/true);
  const auto key = [&](std::string_view method) {
    return Cat(method, "-", Hex(Sha256(WriteAgreement(file))).substr(0, 32));
  };

  v1::GetAgreementRequest get;
  get.set_name(name);
  v1::Agreement known;
  grpc::Status status = Call(session, stub, &Stub::GetAgreement, get, known);
  if (status.error_code() == grpc::StatusCode::NOT_FOUND) {
    if (given.version > 1) return refuse(Cat(given.version), Cat("1: ", short_name, " is new"));
    v1::CreateAgreementRequest ask;
    ask.set_parent(Cat("owners/", file.owner.value));
    ask.set_agreement_id(given.agreement.value);
    ask.mutable_agreement()->set_holder(Cat("providers/", given.holder.value));
    Render(given, ask.mutable_first_version());
    ask.set_request_id(key("create"));
    v1::Agreement created;
    status = Call(session, stub, &Stub::CreateAgreement, ask, created);
    if (!status.ok()) return FailChange(session, status, ask.request_id());
    Say(session, "recorded", created, 1);
    return kExitOk;
  }
  if (!status.ok()) return session.Fail(status);

  const auto latest = static_cast<uint32_t>(known.latest_version().version());
  const bool with_time = given.effective_from.IsSet();
  if (given.version > latest + 1)
    return refuse(Cat(given.version), Cat("at most ", latest + 1, ", the next"));
  if (given.version <= latest) {  // Also where the file leaves the number open.
    v1::ListAgreementVersionsResponse versions;
    status = Versions(session, stub, name, versions);
    if (!status.ok()) return session.Fail(status);
    for (const v1::AgreementVersion& version : versions.agreement_versions()) {
      const auto number = static_cast<uint32_t>(version.version());
      if (number != (given.version == 0 ? latest : given.version)) continue;
      if (Words(FromMessage(known, version), with_time) == words) {
        Say(session, "already so, nothing to do", known, number);
        return kExitOk;
      }
      if (given.version != 0) {
        return refuse(Cat(given.version),
                      Cat(latest + 1, ": version ", given.version,
                          " is recorded and says something else (capbroker agreement show ",
                          short_name, " --version ", given.version, ")"));
      }
    }
  }
  v1::AmendAgreementRequest ask;
  ask.set_name(name);
  Render(given, ask.mutable_next_version());
  ask.set_base_version(static_cast<int32_t>(latest));
  ask.set_request_id(key(Cat("amend-", latest)));
  v1::Agreement amended;
  status = Call(session, stub, &Stub::AmendAgreement, ask, amended);
  if (!status.ok()) return FailChange(session, status, ask.request_id());
  Say(session, "recorded", amended, latest + 1);
  return kExitOk;
}

int Apply(Session& session, const AgreementFlags& flags) {
  std::vector<OwnedAgreement> files;  // All are read before the first is sent.
  for (const std::string& path : flags.files) {
    absl::StatusOr<OwnedAgreement> file = LoadAgreement(path);
    if (!file.ok()) return session.Fail(file.status());
    files.push_back(*std::move(file));
  }
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  for (size_t i = 0; i < files.size(); ++i) {
    if (const int exit_code = ApplyFile(session, *stub, flags.files[i], files[i]);
        exit_code != kExitOk) {
      std::fprintf(stderr, "capbroker: %s was not applied; %zu of %zu files were\n",
                   flags.files[i].c_str(), i, files.size());
      return exit_code;
    }
  }
  return kExitOk;
}

int ShowVersion(Session& session, const AgreementFlags& flags) {
  const absl::StatusOr<std::string> name = ReadAgreementName(flags.name, flags.owner);
  if (!name.ok()) return session.Fail(name.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::GetAgreementRequest get;
  get.set_name(*name);
  v1::Agreement agreement;
  grpc::Status status = Call(session, *stub, &Stub::GetAgreement, get, agreement);
  if (!status.ok()) return session.Fail(status);
  v1::AgreementVersion version = agreement.latest_version();
  if (flags.version != 0 && flags.version != static_cast<uint32_t>(version.version())) {
    v1::ListAgreementVersionsResponse versions;
    status = Versions(session, *stub, *name, versions);
    if (!status.ok()) return session.Fail(status);
    bool found = false;
    for (const v1::AgreementVersion& other : versions.agreement_versions()) {
      if (static_cast<uint32_t>(other.version()) != flags.version) continue;
      version = other;
      found = true;
    }
    if (!found) {
      (void)session.Fail(Invalid("--version", Cat(flags.version),
                                 Cat("1 to ", agreement.latest_version().version())));
      return kExitRefused;
    }
  }
  if (session.json) {
    Print(Json(version));
    return kExitOk;
  }
  std::string out;
  if (!flags.yaml) {
    out = Cat(
        "# ", ShowEnum(v1::AgreementVersion::State_Name(version.state()), "STATE"),
        version.has_effective_to() ? " until " + ShowTime(FromProto(version.effective_to())) : "",
        "\n");
  }
  Print(out + WriteAgreement(FromMessage(agreement, version)));
  return kExitOk;
}

// What has been said of ending the agreement early.
std::string ShowTerminations(const v1::Agreement& agreement) {
  std::string out;
  const auto said_by = [](bool has, const google::protobuf::Timestamp& time) {
    return has ? "from " + ShowTime(FromProto(time)) : std::string("not yet");
  };
  for (const v1::Termination& said : agreement.terminations()) {
    out += Cat(ShortName(agreement.name()),
               said.version() == 0 ? std::string() : Cat(" version ", said.version()),
               " ends when both parties have said so; the owner: ",
               said_by(said.has_owner_end_time(), said.owner_end_time()),
               "; the holder: ", said_by(said.has_holder_end_time(), said.holder_end_time()), "\n");
  }
  return out;
}

int Terminate(Session& session, const AgreementFlags& flags) {
  auto request = MakeRequest<v1::TerminateAgreementRequest>(
      ReadAgreementName(flags.name, flags.owner), flags.request_key);
  if (request.ok()) {
    request->set_version(static_cast<int32_t>(flags.version));
    request->set_text(flags.text);
    const absl::Status status =
        FlagReader()
            .Read(
                "--from", flags.end_time,
                [](std::string_view text) { return ParseWhen(text, LocalNow()); },
                [&](Instant t) { ToProto(t, request->mutable_end_time()); })
            .status();
    if (!status.ok()) request = status;
  }
  return CallAndPrint<Service>(session, &Stub::TerminateAgreement, request, ShowTerminations);
}

int List(Session& session, const AgreementFlags& flags) {
  const absl::StatusOr<std::string> parent = ReadOwnerName(flags.owner);
  if (!parent.ok()) return session.Fail(parent.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::ListAgreementsRequest ask;
  ask.set_parent(*parent);
  v1::ListAgreementsResponse response;
  const grpc::Status status = CallPages(session, *stub, &Stub::ListAgreements, ask, 0, response);
  if (!status.ok()) return session.Fail(status);
  Print(session.json ? Json(response) : ShowAgreements(response.agreements()));
  return kExitOk;
}

}  // namespace

void AddAgreement(CLI::App& app, Session& session) {
  CLI::App* family = AddVerbTo(app, "agreement", "Record and read agreements", "");
  auto flags = std::make_shared<AgreementFlags>();
  const auto add = [&](const char* name, const char* what, const char* example,
                       int (*run)(Session&, const AgreementFlags&)) {
    CLI::App* verb = AddVerbTo(*family, name, what, example);
    verb->callback([&session, flags, run] { session.exit_code = run(session, *flags); });
    return verb;
  };
  add("apply", "Record versions from YAML files, in order; what is recorded already is left alone",
      "capbroker agreement apply deploy/agreements/openai-azure-v*.yaml", Apply)
      ->add_option("FILE", flags->files, "One version each; - is stdin")
      ->required();
  CLI::App* show =
      add("show", "Show one version, the newest if none is named",
          "capbroker agreement show openai/azure --version 2 --output yaml", ShowVersion);
  show->add_option("AGREEMENT", flags->name, "OWNER/AGREEMENT, or the full name")->required();
  show->add_option("--version", flags->version, "Which")->type_name("N");
  // In place of the shared --output, which has no YAML.
  show->add_option_function<std::string>(
          "--output",
          [&session, flags](const std::string& value) {
            session.json = value == "json";
            flags->yaml = value == "yaml";
          },
          "yaml: only what apply reads back")
      ->check(CLI::IsMember({"table", "json", "yaml"}))
      ->option_text("table|json|yaml");
  CLI::App* list =
      add("list", "Show an owner's agreements", "capbroker agreement list --owner openai", List);
  CLI::App* terminate =
      add("terminate",
          "As the owner or the holder: say that it ends early, which it does when both say so",
          "capbroker agreement terminate openai/azure --from 2027-01-01T00:00:00Z --text \"a "
          "settlement\"",
          Terminate);
  AddText(*terminate, "AGREEMENT", flags->name, "", "OWNER/AGREEMENT, or the full name")
      ->required();
  AddText(*terminate, "--from", flags->end_time, "WHEN",
          "From when; the later of both parties' times counts")
      ->required();
  terminate->add_option("--version", flags->version, "Only this version; default the agreement")
      ->type_name("N");
  AddText(*terminate, "--text", flags->text, "TEXT", "Why, for the trail")->required();
  AddRequestKey(*terminate, flags->request_key);
  for (CLI::App* verb : {show, list, terminate}) AddOwner(*verb, flags->owner);
  AddAgreementChecks(*family, session);
}

}  // namespace capbroker
