// One caller's connection on its way to gRPC: bytes go both ways between the caller's socket and
// one end of a socket pair, whose other end gRPC has; what the caller sends goes through the meter.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "services/edge/epoll_loop.h"
#include "services/edge/frame_meter.h"
#include "services/edge/peer.h"
#include "services/edge/quota.h"
#include "services/edge/shed.h"
#include "services/edge/socket.h"
#include "services/edge/transport.h"

namespace capbroker {

// A connection whose caller has yet to say what it wants.
struct Newcomer {
  Transport transport;
  std::shared_ptr<Peer> peer;
  Quota::Place place;
  int64_t deadline_micros = 0;  // For the client's preface and SETTINGS.
};

// What the connections of one loop share. All outlive them.
struct RelayContext {
  EpollLoop& loop;
  PeerTable& peers;
  EdgeCounts& counts;
  // Gives gRPC its end of a pair; false if it takes none any more.
  std::function<bool(Descriptor)> hand_over;
  StrangersAccount strangers{};
  std::vector<char> buffer = std::vector<char>(64 * 1024);
  std::string metered{};
};

// Of the loop's thread.
class RelayedConnection {
 public:
  // Watches its descriptors under 2 * id (the caller's) and 2 * id + 1.
  RelayedConnection(uint64_t id, Newcomer newcomer, RelayContext& context);
  ~RelayedConnection();
  RelayedConnection(const RelayedConnection&) = delete;

  // Each moves what can be moved, and returns whether the connection goes on.
  bool OnClient(uint32_t events, int64_t now_micros);
  bool OnServer(uint32_t events, int64_t now_micros);
  // Goes on with what was held back, and looks at the deadlines.
  bool OnTime(int64_t now_micros);
  // Tells the caller, if it can be told, and counts it. The connection is to be destroyed then.
  void End(Shed why);

  bool NeedsTime() const { return deadline_ != 0 || is_held_; }
  bool is_held_by_all() const { return is_held_ && held_as_ == FrameMeter::Next::kHeldByAll; }
  // gRPC was given its end.
  bool has_server() const { return server_.is_open() || server_has_ended_; }
  bool is_stranger() const { return !peer_->is_known; }
  int64_t charge() const { return meter_.charge(); }

 private:
  bool ReadClient(int64_t now_micros);
  bool Meter(std::string_view bytes, int64_t now_micros);
  bool EndOfClient();
  bool ConnectServer();
  bool SendToServer(std::string_view bytes);
  bool ReadServer(bool is_last);
  bool EndOfServer();
  bool SendToClient(std::string_view bytes);
  bool Settle();
  void Count();

  const uint64_t id_;
  RelayContext& context_;
  Transport client_;
  Descriptor server_;  // Open once the client has said something that gRPC can be given.
  const std::shared_ptr<Peer> peer_;
  const Quota::Place place_;
  std::string name_;  // In the table of peers.
  FrameMeter meter_;

  std::string rest_;       // Read, not metered yet: the meter held it back.
  std::string to_server_;  // Metered, not taken by gRPC yet.
  std::string to_client_;
  bool client_wants_write_ = false;  // TLS has to write before it can read.
  bool client_has_ended_ = false, server_has_ended_ = false;
  bool is_held_ = false;
  FrameMeter::Next held_as_ = FrameMeter::Next::kMore;
  int64_t held_since_ = 0;  // Without anything going on.
  int64_t deadline_;        // Of the greeting, or of the last bytes to the client; 0: none.
  uint32_t client_events_, server_events_ = 0;
  bool was_stranger_ = true;
  int64_t counted_charge_ = 0;
};

}  // namespace capbroker
