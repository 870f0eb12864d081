// Calls the process's own listener as any caller would, over a new connection: whether others can
// reach it.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "services/edge/acceptor.h"

namespace capbroker {

// Asks the health service over a connection that begins now. OK once a message of it has come,
// whatever it says. DEADLINE_EXCEEDED or UNAVAILABLE: how far it got, and what was wrong. `address`
// is where the acceptor listens, in numbers; a wildcard is called on loopback. Blocks for no longer
// than `patience_micros`.
absl::Status CallSelf(Acceptor& acceptor, const std::string& address, bool with_tls,
                      int64_t patience_micros);

}  // namespace capbroker
