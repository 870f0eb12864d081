#include "services/cli/parse.h"

#include <chrono>

namespace capbroker {

Instant LocalNow() {
  return {std::chrono::duration_cast<std::chrono::microseconds>(
              std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

}  // namespace capbroker
