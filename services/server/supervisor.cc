#include "services/server/supervisor.h"

#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include <cstring>

namespace capbroker {
namespace {

void Tell(const std::string& state) {
  // sd_notify returns 0 if there is no supervisor. A failed notification shows through the
  // supervisor's own timeouts.
  if (const int sent = sd_notify(0, state.c_str()); sent < 0) {
    spdlog::warn("the supervisor was not told {}: {}", state, std::strerror(-sent));
  }
}

}  // namespace

Supervisor::Supervisor() {
  if (sd_watchdog_enabled(0, &watchdog_micros_) <= 0) watchdog_micros_ = 0;
}

void Supervisor::Ready() { Tell("READY=1\nSTATUS=serving"); }
void Supervisor::Stopping() { Tell("STOPPING=1\nSTATUS=answering what is under way"); }
void Supervisor::Say(const std::string& status) { Tell("STATUS=" + status); }

void Supervisor::Watch(int64_t now, const std::function<bool()>& lives) {
  if (watchdog_micros_ == 0 || now < next_ || !lives()) return;
  next_ = now + static_cast<int64_t>(watchdog_micros_ / 2);
  Tell("WATCHDOG=1");
}

}  // namespace capbroker
