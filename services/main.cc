// The one binary: everything it does is a verb of the command line.
#include "absl/synchronization/mutex.h"
#include "services/cli/app.h"

int main(int argc, char** argv) {
#ifdef NDEBUG
  // Debian builds Abseil with its search for lock cycles on, which every lock of ours and of gRPC's
  // then pays for.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
#endif
  return capbroker::RunCommandLine(argc, argv);
}
