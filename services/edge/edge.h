// The broker's edge: what stands between the network and gRPC, which in version 1.51 can be killed
// by whoever reaches it.
//
// An acceptor takes connections, within caps and past a shortage of descriptors, and does TLS; a
// relay carries their bytes to gRPC and back, and meters what they make gRPC hold (frame_meter.h);
// a thread calls the broker over a new connection every second, so that it is known whether others
// could.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "services/edge/acceptor.h"
#include "services/edge/peer.h"
#include "services/edge/quota.h"
#include "services/edge/relay.h"
#include "services/edge/shed.h"
#include "services/edge/socket.h"
#include "services/edge/transport.h"

namespace capbroker {

// Nobody new has been answered for so long: callers are to be sent elsewhere; and so long: a
// restart is called for.
inline constexpr int64_t kUnreachableMicros = 5'000'000;
inline constexpr int64_t kLostMicros = 60'000'000;

struct EdgeOptions {
  std::string address{};  // As Listen takes it.
  size_t max_connections = 1'000;
  size_t max_connections_per_address = 100;
  int64_t handshake_micros = 5'000'000;
  // Both on a thread of the edge; must not block.
  std::function<void(Shed, std::string_view peer)> on_shed{};
  std::function<void(const absl::Status&)> on_bad_certificate_files{};
};

class Edge {
 public:
  // Binds, and takes nothing yet. `tls` may be null: plain text. Errors are Listen's, with the
  // address. Keeps `peers`, which outlive it.
  static absl::StatusOr<std::unique_ptr<Edge>> Open(EdgeOptions options,
                                                    std::unique_ptr<ServerTls> tls,
                                                    PeerTable& peers);
  ~Edge();  // Stop().

  // Takes connections. `hand_over` gives gRPC a socket in plain text, which is its own from then
  // on.
  void Start(std::function<void(int fd)> hand_over);
  // Takes none any more; those there are go on, and gRPC is given no more.
  void StopTaking();
  // After gRPC's server has shut down: what it said last is sent, and every connection ends.
  void Stop();

  const std::string& address() const { return sockets_.address; }
  // As many as the descriptors of the process allow, at most max_connections.
  size_t max_connections() const { return max_connections_; }
  const EdgeCounts& counts() const { return counts_; }

  // Calls the broker over a new connection, as it does by itself every second; see self_call.h.
  absl::Status CallSelf(int64_t patience_micros);
  // How long no new connection has been answered, and why; zero if the last one was.
  struct Reachability {
    int64_t silent_micros = 0;
    std::string why{};
  };
  Reachability reachability() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  Edge(EdgeOptions options, ListeningSockets sockets, std::unique_ptr<ServerTls> tls,
       PeerTable& peers);
  bool HandOver(Descriptor socket) ABSL_LOCKS_EXCLUDED(mutex_);
  void CallSelfEverySecond() ABSL_LOCKS_EXCLUDED(mutex_);

  const EdgeOptions options_;
  ListeningSockets sockets_;
  const std::string bound_address_;  // In numbers.
  const std::unique_ptr<ServerTls> tls_;
  const size_t max_connections_;
  Quota connections_;
  EdgeCounts counts_;
  PeerTable& peers_;

  mutable absl::Mutex mutex_;
  std::function<void(int)> hand_over_ ABSL_GUARDED_BY(mutex_);  // Empty: gRPC takes none.
  int64_t answered_at_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status last_call_ ABSL_GUARDED_BY(mutex_);

  std::unique_ptr<Acceptor> acceptor_;
  std::unique_ptr<Relay> relay_;
  absl::Notification stopped_taking_;
  std::atomic<bool> stopped_ = false;
  std::thread self_caller_;
};

}  // namespace capbroker
