// Checks of PEM files before gRPC gets them: with bad files gRPC would start, log the error and
// refuse every connection.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "broker/values/time.h"

namespace capbroker {

// The error names the options. INVALID_ARGUMENT: a file cannot be read, is no PEM, or the key does
// not belong to the certificate.
absl::Status CheckIdentity(const char* certificate_option, const std::string& certificate_file,
                           const char* key_option, const std::string& key_file);
absl::Status CheckAuthority(const char* option, const std::string& file);

// The last instant at which the first certificate of the file is valid. Unset if the file cannot be
// read or contains none.
Instant ExpiryOf(const std::string& file);

}  // namespace capbroker
