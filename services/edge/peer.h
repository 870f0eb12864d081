// Who is at the other end of each connection. gRPC sees every connection come from the relay, under
// a name that stands for it; calls ask here whose it is.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "broker/values/time.h"

namespace capbroker {

struct Peer {
  std::string address;      // "192.0.2.1:4242"
  std::string spiffe_id{};  // Of the client certificate that was verified; empty if there was none,
                            // or it has no such id.
  Instant spiffe_expire_time{};        // The last instant of that certificate.
  std::atomic<bool> is_known = false;  // A call has been let in on this connection.
  std::function<void()> wake{};        // Tells the relay that it is.
};

// From any thread.
class PeerTable {
 public:
  // Null if there is no such connection (any more).
  std::shared_ptr<Peer> Find(std::string_view name) const ABSL_LOCKS_EXCLUDED(mutex_);
  void Add(const std::string& name, std::shared_ptr<Peer> peer) ABSL_LOCKS_EXCLUDED(mutex_);
  void Remove(const std::string& name) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<Peer>> peers_ ABSL_GUARDED_BY(mutex_);
};

// A call of this peer was let in: it is no stranger any more.
inline void MeetPeer(Peer& peer) {
  if (!peer.is_known.exchange(true) && peer.wake) peer.wake();
}

}  // namespace capbroker
