// An agreement's file as the values that the deciding core knows: the same file, through the same
// two readings, as `agreement apply` sends and the broker takes.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/simulation/story.h"

namespace capbroker {

// INVALID_ARGUMENT  as LoadAgreement and rpc/parse.h say it. A file without a version is whichever
// is next.
absl::StatusOr<OwnedAgreement> LoadAgreementValues(const std::string& path);

// For the stories of one scenario file: paths are relative to its folder.
LoadAgreementVersion AgreementsBeside(const std::string& scenario_path);

}  // namespace capbroker
