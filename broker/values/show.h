// How people read figures. services/notation/parse.h reads them back.
#pragma once

#include <cstdint>
#include <string>

#include "broker/values/money.h"
#include "broker/values/time.h"
#include "broker/values/window.h"

namespace capbroker {

std::string ShowMoney(const Money& amount);    // "2.5 USD", "9,000,000 USD"
std::string ShowQuantity(int64_t quantity);    // "8,000"
std::string ShowSpan(Span d);                  // "3d", "1d12h", "0.25s", "0s"
std::string ShowWindow(const Window& window);  // The same, or "10 business days, until 16:00".
// "2025-02-06T09:00:00Z", "2025-02-06T09:00:00.250Z": to the millisecond, never later than it is;
// "-" if unset.
std::string ShowTime(Instant t);
std::string ShowShare(int64_t ppm);  // "50%", "99.95%"

}  // namespace capbroker
