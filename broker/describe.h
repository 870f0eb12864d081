// The trail in words, for people: what is shown, never what is recorded.
#pragma once

#include <cstdint>
#include <string>

#include "broker/decision.h"
#include "broker/money.h"
#include "broker/time.h"

namespace capbroker {

// One short sentence: "azure is asked first for 8,000 (azure/2/C2), until 2025-02-06T09:00:00Z [offer 1]".
// Every kind has one. Text that a party wrote is quoted; control characters in it are shown as spaces.
std::string Describe(const Decision& decision);

// How people read figures; the command line's parsers read them back.
std::string ShowMoney(const Money& amount);  // "2.5 USD", "9,000,000 USD"
std::string ShowQuantity(int64_t quantity);  // "8,000"
std::string ShowSpan(Span d);                // "3d", "1d12h", "0.25s", "0s"
// "2025-02-06T09:00:00Z", "2025-02-06T09:00:00.250Z": to the millisecond, never later than it is; "-" if
// unset.
std::string ShowTime(Instant t);
std::string ShowShare(int64_t ppm);  // "50%", "99.95%"

}  // namespace capbroker
