// The process's front: every service of the API behind one listener.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/support/server_interceptor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "broker/values/time.h"
#include "services/rpc/listener.h"
#include "services/rpc/session_counts.h"
#include "services/sequencing/clock.h"
#include "services/sequencing/feed.h"
#include "services/sequencing/sequencer.h"
#include "storage/ledger.h"

namespace capbroker {

struct ServerOptions {
  ListenerOptions listener{};
  std::string trust_domain{};  // Certificates for spiffe://{trust_domain}/... say who calls. Empty:
                               // none does.
  std::string principals_file{};  // Tokens; empty: none is known.
  bool reflection = true;
  bool channelz = false;       // Shows every peer's address to whoever asks.
  size_t read_threads = 4;     // As many sessions with the ledger are used.
  size_t reads_bound = 1'000;  // Reads that may wait.
  size_t watch_bound = 4'096;  // Changes that may wait for one watcher.
  // By which credentials expire; a test may have another.
  std::function<Instant()> wall_clock = [] { return Instant{absl::ToUnixMicros(absl::Now())}; };
  // Sees every call, those that no service answers too, with the status it ends with. May be empty.
  std::function<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>()> witness{};
};

// Full names of the services that every server offers, reflection and channelz aside.
const std::vector<std::string>& ServiceNames();

class Server {
 public:
  // Listens; NOT_SERVING until the sequencer serves. All that is given outlives the server, and the
  // sequencer has to answer (or be drained) before the server can be destroyed.
  //
  // INVALID_ARGUMENT     an option or a file is wrong; names it.
  // FAILED_PRECONDITION  nothing can listen at this address, and why.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options, Ledger& ledger,
                                                       Sequencer& sequencer, Feed& feed,
                                                       Clock& clock);
  ~Server();  // Stop().

  // Where it listens: "127.0.0.1:41373".
  const std::string& address() const;
  // To itself, without a socket. It proves nobody: a call over it needs a token, wherever the
  // server listens. Not to be called on after Stop, and let go before the server is destroyed.
  std::shared_ptr<grpc::Channel> InProcessChannel();
  size_t reads_waiting() const;  // For a session with the ledger; for metrics.
  const EdgeCounts& connections() const;
  // How long nobody new could reach it, and why; for readiness.
  Edge::Reachability reachability() const;
  const SessionCounts& sessions() const;
  // The principals file again. What it said before stays if it is wrong now.
  absl::Status ReloadPrincipals();

  // NOT_SERVING from now on; watches end; no call is taken any more; those under way may end.
  // Returns when they have, or after `deadline`, when they are cancelled.
  void Drain(Span deadline);
  // Drains without patience, and waits until gRPC is done with every call.
  void Stop();

 private:
  class Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace capbroker
