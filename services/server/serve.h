// `capbroker serve`: the broker itself, from its first line of log to its last.
#pragma once

#include <string>

#include "broker/values/time.h"
#include "services/delivery/delivery.h"
#include "services/rpc/server.h"
#include "services/sequencing/sequencer.h"

namespace capbroker {

struct ServeOptions {
  std::string database{};    // A libpq connection string or URI.
  std::string name{};        // Of this replica, the same after a restart, another for each replica;
                             // empty: the host's.
  std::string ready_file{};  // Gets the addresses, a line each, once serving.
  std::string admin =
      "127.0.0.1:7421";  // Where the admin port is, host:port; port 0: any that is free; or "off".
  bool console = true;   // At the admin port, where that is an address of this machine's own;
  std::string console_host{};  // and elsewhere, if this is the name that it is opened by.
  std::string log_format = "text";
  std::string log_level = "info";
  Span drain = Seconds(20);  // How long calls under way may take when it goes down.
  Span lease = Seconds(10);  // How long a replica that is silent keeps its partitions.
  size_t batch_bound = SequencerOptions{}.batch_bound;  // Commands in one transaction.
  ServerOptions server{};
  DeliveryOptions delivery{};
};

// Besides those of client.h. For supervisors: which of these a restart may mend.
enum ServeExitCode {
  kExitPortTaken = 10,
  kExitNoDatabase = 11,   // Missing, or not to be reached.
  kExitSchema = 12,       // The database's schema is missing, older, or newer than this program.
  kExitInterrupted = 13,  // Ended before everything was answered: by a second signal, or because
                          // draining took too long.
};

// Serves until SIGTERM or SIGINT, and says why not in one line on stderr. SIGHUP reads the
// principals file again.
//
// Writes one line on stdout when it serves: "ready listen=127.0.0.1:7420 admin=127.0.0.1:7421".
int Serve(const ServeOptions& options);

}  // namespace capbroker
