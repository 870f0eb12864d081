// When a certificate ends, for whoever has to renew it in time.
#pragma once

#include <string>

#include "broker/values/time.h"

namespace capbroker {

// The last instant at which the first certificate of this PEM file is valid. Unset if the file
// cannot be read or holds none.
Instant ExpiryOf(const std::string& pem_file);

}  // namespace capbroker
