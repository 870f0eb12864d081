// The thread through which every byte between callers and gRPC goes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "services/edge/relayed_connection.h"

namespace capbroker {

class Relay {
 public:
  // `hand_over` gives gRPC its end of a connection, on the relay's thread; false if it takes none
  // any more.
  Relay(PeerTable& peers, EdgeCounts& counts, std::function<bool(Descriptor)> hand_over);
  ~Relay() { loop_.Stop(); }

  // From any thread.
  void Add(Newcomer newcomer);
  // Once gRPC has closed every connection: what it said last is sent, for no longer than this. Then
  // every connection ends.
  void Finish(absl::Duration patience);

 private:
  using Connections = absl::flat_hash_map<uint64_t, std::unique_ptr<RelayedConnection>>;

  void OnEvent(uint64_t tag, uint32_t events);
  bool OnTick(int64_t now_micros);
  void LookAgain(uint64_t id);
  void Keep(Connections::iterator connection, bool goes_on);
  void EndLargestStranger();
  void NoticeEnd();

  EpollLoop loop_{"edge-relay"};
  RelayContext context_;
  uint64_t last_id_ = 0;
  Connections connections_;
  bool is_finishing_ = false;
  absl::Notification finished_;
};

}  // namespace capbroker
