#include "services/client/local_clock.h"

#include <chrono>

namespace capbroker {

Instant LocalNow() {
  return {std::chrono::duration_cast<std::chrono::microseconds>(
              std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

}  // namespace capbroker
