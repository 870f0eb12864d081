#include "services/cli/agreement_values.h"

#include <utility>
#include <variant>

#include "broker/values/text.h"
#include "services/cli/agreement_file.h"
#include "services/messages/parse.h"

namespace capbroker {

absl::StatusOr<OwnedAgreement> LoadAgreementValues(const std::string& path) {
  absl::StatusOr<AgreementFile> file = LoadAgreement(path);
  if (!file.ok()) return file.status();
  if (!file->body.has_effective_from()) {
    return absl::InvalidArgumentError(Cat(path, ": effective_from: got nothing, want an instant"));
  }
  v1::CreateAgreementRequest message;
  message.set_parent(Cat("owners/", file->owner));
  message.set_agreement_id(file->agreement);
  message.mutable_agreement()->set_provider(Cat("providers/", file->holder));
  *message.mutable_first_version() = std::move(file->body);
  message.set_request_id("simulate");
  absl::StatusOr<Command> command = Parse(message);
  if (!command.ok())
    return absl::InvalidArgumentError(Cat(path, ": ", View(command.status().message())));
  OwnedAgreement out{command->owner, std::move(std::get<ActivateAgreement>(command->what).version)};
  out.version.version = file->version;
  return out;
}

LoadAgreementVersion AgreementsBeside(const std::string& scenario_path) {
  const size_t slash = scenario_path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : scenario_path.substr(0, slash + 1);
  return [folder](const std::string& path) {
    return LoadAgreementValues(path.starts_with('/') ? path : folder + path);
  };
}

}  // namespace capbroker
