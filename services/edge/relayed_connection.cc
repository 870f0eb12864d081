#include "services/edge/relayed_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace capbroker {
namespace {

constexpr int kReadsInARow = 4;                 // Then others have their turn.
constexpr int64_t kMostHeldMicros = 5'000'000;  // Without anything going on.
constexpr int64_t kLastBytesMicros = 5'000'000;

// GOAWAY, ENHANCE_YOUR_CALM (RFC 9113, 6.8): about no stream in particular.
constexpr std::string_view kCalmDown(
    "\x00\x00\x08\x07\x00\x00\x00\x00\x00\x7f\xff\xff\xff\x00\x00\x00\x0b", 17);

}  // namespace

RelayedConnection::RelayedConnection(uint64_t id, Newcomer newcomer, RelayContext& context)
    : id_(id),
      context_(context),
      client_(std::move(newcomer.transport)),
      peer_(std::move(newcomer.peer)),
      place_(std::move(newcomer.place)),
      meter_(context.strangers),
      deadline_(newcomer.deadline_micros),
      client_events_(EPOLLIN) {
  context_.loop.Watch(client_.fd(), client_events_, 2 * id_);
  context_.counts.connections++;
  context_.counts.strangers++;
}

RelayedConnection::~RelayedConnection() {
  if (!name_.empty()) context_.peers.Remove(name_);
  context_.counts.connections--;
  if (was_stranger_) {
    context_.counts.strangers--;
    context_.counts.strangers_bytes -= counted_charge_;
  }
  client_.Close();
}

bool RelayedConnection::OnClient(uint32_t events, int64_t now_micros) {
  const bool reads = (client_events_ & EPOLLIN) != 0;
  // While it is not read from, only this tells that it is gone.
  if (!reads && (events & (EPOLLERR | EPOLLHUP)) != 0) return false;
  if (client_wants_write_ || (events & EPOLLOUT) != 0) {
    client_wants_write_ = false;
    if (!SendToClient({})) return false;
  }
  return ReadClient(now_micros) && Settle();
}

bool RelayedConnection::OnServer(uint32_t events, int64_t now_micros) {
  if ((events & EPOLLOUT) != 0 && !(SendToServer({}) && ReadClient(now_micros))) return false;
  const bool is_last = (events & (EPOLLHUP | EPOLLERR)) != 0;
  if ((is_last || (events & EPOLLIN) != 0) && !ReadServer(is_last)) return false;
  // Something may have been answered.
  if (is_held_ && !(Meter({}, now_micros) && ReadClient(now_micros))) return false;
  return Settle();
}

bool RelayedConnection::OnTime(int64_t now_micros) {
  if (deadline_ != 0 && now_micros >= deadline_) {
    if (!server_has_ended_) End(Shed::kSlow);
    return false;
  }
  if (is_held_ && !(Meter({}, now_micros) && ReadClient(now_micros))) return false;
  if (is_held_ && now_micros - held_since_ > kMostHeldMicros) {
    End(Shed::kHeld);
    return false;
  }
  return Settle();
}

void RelayedConnection::End(Shed why) {
  context_.counts.Count(why, peer_->address);
  // Best effort: the caller may not read, or be in the middle of a frame.
  if (to_client_.empty() && server_.is_open() && meter_.is_between_server_frames())
    client_.Write(kCalmDown);
}

bool RelayedConnection::ReadClient(int64_t now_micros) {
  for (int i = 0; i < kReadsInARow; ++i) {
    // What waits goes first.
    if (client_has_ended_ || server_has_ended_ || is_held_ ||
        (server_.is_open() && !to_server_.empty()))
      return true;
    const Transport::Io io = client_.Read(context_.buffer.data(), context_.buffer.size());
    if (io.state == Transport::State::kClosed) return EndOfClient();
    client_wants_write_ = io.state == Transport::State::kWantsWrite;
    if (io.state != Transport::State::kDone) return true;
    if (!Meter({context_.buffer.data(), io.bytes}, now_micros)) return false;
    if (io.bytes < context_.buffer.size()) return true;
  }
  return true;
}

// `bytes` come after `rest_`, and are given only while that is empty.
bool RelayedConnection::Meter(std::string_view bytes, int64_t now_micros) {
  std::string held;
  if (is_held_) {
    held = std::move(rest_);
    bytes = held;
  }
  std::string& out = context_.metered;
  out.clear();
  const FrameMeter::Step step = meter_.TakeFromClient(bytes, peer_->is_known, now_micros, &out);
  if (step.next == FrameMeter::Next::kEnd) {
    End(step.why);
    return false;
  }
  const bool was_held = std::exchange(is_held_, step.next != FrameMeter::Next::kMore);
  held_as_ = step.next;
  if (is_held_ && (!was_held || step.taken > 0)) held_since_ = now_micros;
  rest_.assign(bytes.substr(step.taken));
  Count();
  if (!server_.is_open() && meter_.is_greeted() && !ConnectServer()) return false;
  return SendToServer(out);
}

bool RelayedConnection::EndOfClient() {
  client_has_ended_ = true;
  if (!server_.is_open()) return false;
  if (to_server_.empty()) shutdown(server_.get(), SHUT_WR);
  return true;
}

bool RelayedConnection::ConnectServer() {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
    End(Shed::kDescriptors);
    return false;
  }
  server_ = Descriptor(pair[0]);
  Descriptor theirs(pair[1]);
  // The system chooses a name that no other socket has; gRPC finds it as that of its peer.
  sockaddr name{};
  name.sa_family = AF_UNIX;
  bind(server_.get(), &name, sizeof name.sa_family);
  name_ = LocalAddressOf(server_.get());
  context_.peers.Add(name_, peer_);
  deadline_ = 0;
  server_events_ = EPOLLIN;
  context_.loop.Watch(server_.get(), server_events_, 2 * id_ + 1);
  return context_.hand_over(std::move(theirs));
}

bool RelayedConnection::SendToServer(std::string_view bytes) {
  if (server_has_ended_) return true;
  const bool waited = !to_server_.empty();
  if (waited || !server_.is_open()) {
    to_server_.append(bytes);
    bytes = to_server_;
  }
  if (!server_.is_open() || bytes.empty()) return true;
  const ssize_t sent = send(server_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) {
    client_has_ended_ = true;  // gRPC takes nothing more. What it said last is still to be read.
    to_server_.clear();
    return true;
  }
  bytes.remove_prefix(static_cast<size_t>(std::max<ssize_t>(sent, 0)));
  to_server_ = std::string(bytes);
  if (to_server_.empty() && client_has_ended_) shutdown(server_.get(), SHUT_WR);
  return true;
}

// With `is_last`, all that there is, whether or not the client takes it: no more than a socket's
// buffer.
bool RelayedConnection::ReadServer(bool is_last) {
  for (int i = 0; !server_has_ended_ && (is_last || (i < kReadsInARow && to_client_.empty()));
       ++i) {
    const ssize_t got = recv(server_.get(), context_.buffer.data(), context_.buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (got <= 0) return EndOfServer();
    const std::string_view bytes(context_.buffer.data(), static_cast<size_t>(got));
    meter_.TakeFromServer(bytes);
    Count();
    if (!SendToClient(bytes)) return false;
    if (!is_last && bytes.size() < context_.buffer.size()) return true;
  }
  return true;
}

bool RelayedConnection::EndOfServer() {
  server_has_ended_ = true;
  is_held_ = false;
  deadline_ = EdgeMicros() + kLastBytesMicros;
  return !to_client_.empty();
}

bool RelayedConnection::SendToClient(std::string_view bytes) {
  if (!to_client_.empty()) {
    to_client_.append(bytes);
    bytes = to_client_;
  }
  while (!bytes.empty()) {
    const Transport::Io io = client_.Write(bytes);
    if (io.state == Transport::State::kClosed) return false;
    if (io.state != Transport::State::kDone) break;
    bytes.remove_prefix(io.bytes);
  }
  to_client_ = std::string(bytes);
  return !(server_has_ended_ && to_client_.empty());
}

// What is waited for now.
bool RelayedConnection::Settle() {
  const bool reads = !client_has_ended_ && !server_has_ended_ && !is_held_ &&
                     (!server_.is_open() || to_server_.empty());
  const uint32_t client =
      (reads ? EPOLLIN : 0u) | (!to_client_.empty() || client_wants_write_ ? EPOLLOUT : 0u);
  if (client != client_events_) context_.loop.ChangeWatch(client_.fd(), client, 2 * id_);
  client_events_ = client;
  if (!server_.is_open()) return true;
  const uint32_t server = server_has_ended_ ? 0u
                                            : (to_client_.empty() ? EPOLLIN : 0u) |
                                                  (to_server_.empty() ? 0u : EPOLLOUT);
  if (server_has_ended_) {
    server_.Close();
  } else if (server != server_events_) {
    context_.loop.ChangeWatch(server_.get(), server, 2 * id_ + 1);
  }
  server_events_ = server;
  return true;
}

void RelayedConnection::Count() {
  if (!was_stranger_) return;
  const bool is_stranger = !peer_->is_known;
  const int64_t charge = is_stranger ? meter_.charge() : 0;
  context_.counts.strangers_bytes += charge - counted_charge_;
  counted_charge_ = charge;
  if (!is_stranger) context_.counts.strangers--;
  was_stranger_ = is_stranger;
}

}  // namespace capbroker
