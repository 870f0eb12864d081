// Whether files say what TLS needs, before gRPC is given them: it would start, log what is wrong,
// and refuse every connection.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace capbroker {

// The names are those of the options, for the message. INVALID_ARGUMENT: cannot be read, no PEM, or
// the key is not the certificate's.
absl::Status CheckIdentity(const char* certificate_option, const std::string& certificate_file,
                           const char* key_option, const std::string& key_file);
absl::Status CheckAuthority(const char* option, const std::string& file);

}  // namespace capbroker
