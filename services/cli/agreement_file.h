// An agreement version as a YAML file: what people review, and `agreement apply` sends.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "capbroker/v1/agreement.pb.h"

namespace capbroker {

struct AgreementFile {
  std::string agreement{}, owner{}, holder{};  // Ids.
  uint32_t version = 0;                        // 0: the next, or the newest if it says the same.
  v1::AgreementVersion body{};                 // effective_from, calendars, clauses, text.
};

// INVALID_ARGUMENT "FILE:LINE:COLUMN: clauses[1].window: got ..., want ...". What clauses demand of
// each other the broker checks.
absl::StatusOr<AgreementFile> ReadAgreement(std::string_view file, std::string_view text);
absl::StatusOr<AgreementFile> LoadAgreement(const std::string& path);

// What ReadAgreement reads back as the same. Defaults are left out, so that two versions that say
// the same have the same text.
std::string WriteAgreement(const AgreementFile& agreement);

}  // namespace capbroker
