// An agreement version as a YAML file: what people review, and `agreement apply` sends.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "capbroker/v1/agreement.pb.h"
#include "services/simulation/story.h"

namespace capbroker {

// The version's number is 0 where the file leaves it open: the next, or the newest if that says the
// same; its effective_from is unset likewise.
//
// INVALID_ARGUMENT "FILE:LINE:COLUMN: clauses[1].window: got ..., want ...". Whom it names and what
// else the owner has agreed the broker checks.
absl::StatusOr<OwnedAgreement> ReadAgreement(std::string_view file, std::string_view text);
absl::StatusOr<OwnedAgreement> LoadAgreement(const std::string& path);

// For the stories of one scenario file: paths are relative to its folder, and a file says from when
// it is in force.
LoadAgreementVersion AgreementsBeside(const std::string& scenario_path);

// What ReadAgreement reads back as the same. Defaults are left out, so that two versions that say
// the same have the same text.
std::string WriteAgreement(const OwnedAgreement& agreement);

// A recorded version as a file would have it.
OwnedAgreement FromMessage(const v1::Agreement& agreement, const v1::AgreementVersion& version);

}  // namespace capbroker
