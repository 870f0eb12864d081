// What flags say (services/notation/parse.h), and the machine's own clock, against which some of it is meant.
#pragma once

#include "broker/time.h"
#include "services/notation/parse.h"

namespace capbroker {

// This machine's clock: for "+36h", and for ids. Nothing is decided by it.
Instant LocalNow();

}  // namespace capbroker
