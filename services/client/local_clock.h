// This machine's clock, for what a person means by "+36h" and for identifiers. Nothing is decided
// by it.
#pragma once

#include "broker/values/time.h"

namespace capbroker {

Instant LocalNow();

}  // namespace capbroker
