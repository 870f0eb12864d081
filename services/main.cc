// Entry point of the single binary: everything it does is a verb of the command line.
#include "absl/synchronization/mutex.h"
#include "services/cli/app.h"

int main(int argc, char** argv) {
#ifdef NDEBUG
  // Debian builds Abseil with deadlock detection on, which would cost every lock of ours and of
  // gRPC's.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
#endif
  return capbroker::RunCommandLine(argc, argv);
}
