// Server process: `capbroker serve` from its first log line to its last.
#pragma once

#include <string>
#include <vector>

#include "broker/values/time.h"
#include "services/delivery/delivery.h"
#include "services/rpc/server.h"
#include "services/sequencing/sequencer.h"

namespace capbroker {

struct ServeOptions {
  std::string database{};  // A libpq connection string or URI.
  // Serve although UnsafeSettings (storage/durability.h) has some.
  bool allow_unsafe_database = false;
  // Of this replica: unique among the replicas and the same after a restart. Empty: the host's
  // name. A second process of one name on one machine is told apart.
  std::string name{};
  std::string ready_file{};  // Receives the addresses, one per line, once the server is ready.
  std::string admin =
      // Address of the admin port, host:port; port 0 chooses a free one; "off" opens none.
      "127.0.0.1:7421";
  std::vector<std::string> admin_hosts{};  // Names with a dot under which others reach that port.
  bool console = true;         // Serve the console on the admin port if that is a loopback address,
  std::string console_host{};  // or if this is the host name under which users open it.
  std::string log_format = "text";
  std::string log_level = "info";
  Span drain = Seconds(20);  // How long calls in flight may take at shutdown.
  Span lease = Seconds(10);  // How long a silent replica keeps its partitions.
  size_t batch_bound = SequencerOptions{}.batch_bound;  // Most commands in one transaction.
  ServerOptions server{};
  DeliveryOptions delivery{};
};

// Exit codes besides those of client.h, for supervisors: some failures are worth a restart.
enum ServeExitCode {
  kExitPortTaken = 10,
  kExitNoDatabase = 11,  // The database is missing or unreachable.
  kExitSchema = 12,      // The database's schema is missing, older, or newer than this program.
  // The process ended before every call was answered: on a second signal, or because draining took
  // too long.
  kExitInterrupted = 13,
  kExitUnreachable = 14,     // The process ended in order because no new connection was answered.
  kExitUnsafeDatabase = 15,  // UnsafeSettings (storage/durability.h) has some.
};

// Serves until SIGTERM or SIGINT; a failure is one line on stderr. SIGHUP reads the principals file
// again.
//
// Prints one line on stdout when ready: "ready listen=127.0.0.1:7420 admin=127.0.0.1:7421".
int Serve(const ServeOptions& options);

}  // namespace capbroker
