// Takes connections: as many as are allowed, past a shortage of descriptors, and through TLS where
// there is any.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "services/edge/epoll_loop.h"
#include "services/edge/quota.h"
#include "services/edge/relayed_connection.h"
#include "services/edge/shed.h"
#include "services/edge/socket.h"
#include "services/edge/transport.h"

namespace capbroker {

class Acceptor {
 public:
  struct Environment {
    ListeningSockets& sockets;
    ServerTls* tls;  // Null: plain text.
    Quota& connections;
    EdgeCounts& counts;
    int64_t handshake_micros;  // For TLS and the first words in HTTP/2.
    // Each connection, once TLS is done; on the acceptor's thread.
    std::function<void(Newcomer)> take;
    // The files of TLS have changed, and are wrong; on the acceptor's thread.
    std::function<void(const absl::Status&)> on_bad_files;
  };
  // All that is given outlives the acceptor.
  explicit Acceptor(Environment environment);
  ~Acceptor() { Stop(); }

  void Start();
  // Listens no more; handshakes under way end.
  void Stop();

  // A connection from this address is the process's own, for as long as it is expected: it counts
  // for no cap and shows no certificate.
  void Expect(const std::string& address) ABSL_LOCKS_EXCLUDED(mutex_);
  void ExpectNoMore(const std::string& address) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void OnEvent(uint64_t tag);
  bool OnTick(int64_t now_micros);
  void AcceptFrom(int listening);
  bool ShedOne(int listening);
  void Admit(Descriptor socket);
  SslPtr StartTls(int fd, bool is_ours);
  void Shake(uint64_t tag);
  void Pause(bool is_paused);
  bool IsOurs(const std::string& address) ABSL_LOCKS_EXCLUDED(mutex_);

  const Environment it_;
  Descriptor reserve_;  // Closed to be able to turn somebody away when there is no other.
  bool is_paused_ = false;
  absl::flat_hash_map<uint64_t, Newcomer> shaking_;  // Handshakes under way, by tag.
  uint64_t last_tag_;                                // Those below are the listening sockets'.
  EpollLoop loop_{"edge-accept"};

  absl::Mutex mutex_;
  absl::flat_hash_set<std::string> ours_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace capbroker
