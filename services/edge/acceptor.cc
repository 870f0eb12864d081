#include "services/edge/acceptor.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>
#include <vector>

namespace capbroker {
namespace {

constexpr int kAcceptsInARow = 64;  // Then handshakes have their turn.

Descriptor OpenReserve() { return Descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

Acceptor::Acceptor(Environment environment)
    : it_(std::move(environment)), reserve_(OpenReserve()), last_tag_(it_.sockets.sockets.size()) {}

void Acceptor::Start() {
  for (size_t i = 0; i < it_.sockets.sockets.size(); ++i)
    loop_.Watch(it_.sockets.sockets[i].get(), EPOLLIN, i);
  loop_.Start([this](uint64_t tag, uint32_t) { OnEvent(tag); },
              [this](int64_t now) { return OnTick(now); });
}

void Acceptor::Stop() {
  loop_.Stop();
  it_.sockets.sockets.clear();
  shaking_.clear();
}

void Acceptor::OnEvent(uint64_t tag) {
  if (tag >= it_.sockets.sockets.size()) return Shake(tag);
  const int listening = it_.sockets.sockets[tag].get();
  if (!is_paused_) AcceptFrom(listening);
}

void Acceptor::AcceptFrom(int listening) {
  for (int i = 0; i < kAcceptsInARow && !is_paused_; ++i) {
    Descriptor socket(accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.is_open()) {
      Admit(std::move(socket));
    } else if (errno == EMFILE || errno == ENFILE) {
      if (!ShedOne(listening)) return;
    } else if (errno == ENOBUFS || errno == ENOMEM) {
      return Pause(true);
    } else if (errno == EAGAIN) {
      return;
    }  // Else it is about the one connection, which is gone already.
  }
}

// There is no descriptor left. Whoever is first in the queue would stay there, and everybody
// behind: it is taken and let go. False if nobody waits.
bool Acceptor::ShedOne(int listening) {
  reserve_.Close();
  Descriptor socket(accept4(listening, nullptr, nullptr, SOCK_CLOEXEC));
  const bool is_shed = socket.is_open();
  if (is_shed) it_.counts.Count(Shed::kDescriptors, PeerAddressOf(socket.get()));
  socket.Close();
  reserve_ = OpenReserve();
  if (!reserve_.is_open()) Pause(true);
  return is_shed;
}

void Acceptor::Pause(bool is_paused) {
  is_paused_ = is_paused;
  for (size_t i = 0; i < it_.sockets.sockets.size(); ++i) {
    loop_.ChangeWatch(it_.sockets.sockets[i].get(), is_paused ? 0u : EPOLLIN, i);
  }
}

void Acceptor::Admit(Descriptor socket) {
  auto peer = std::make_shared<Peer>();
  peer->address = PeerAddressOf(socket.get());
  const bool is_ours = IsOurs(peer->address);
  Quota::Place place;
  if (!is_ours) {
    auto [taken, refusal] = it_.connections.Take(HostKeyOf(socket.get()));
    if (refusal != Quota::Refusal::kNone) {
      const bool is_full = refusal == Quota::Refusal::kFull;
      return it_.counts.Count(is_full ? Shed::kConnections : Shed::kAddress, peer->address);
    }
    place = std::move(taken);
  }
  const int yes = 1;
  setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  SslPtr ssl = it_.tls == nullptr ? nullptr : StartTls(socket.get(), is_ours);
  Newcomer newcomer{Transport(std::move(socket), std::move(ssl)), std::move(peer), std::move(place),
                    EdgeMicros() + it_.handshake_micros};
  if (it_.tls == nullptr) return it_.take(std::move(newcomer));
  const uint64_t tag = ++last_tag_;
  loop_.Watch(newcomer.transport.fd(), EPOLLIN, tag);
  shaking_.emplace(tag, std::move(newcomer));
}

SslPtr Acceptor::StartTls(int fd, bool is_ours) {
  if (const absl::Status status = it_.tls->Reload(); !status.ok() && it_.on_bad_files)
    it_.on_bad_files(status);
  return it_.tls->Accept(fd, !is_ours);
}

void Acceptor::Shake(uint64_t tag) {
  const auto found = shaking_.find(tag);
  if (found == shaking_.end()) return;
  Newcomer& newcomer = found->second;
  switch (newcomer.transport.Handshake()) {
    case Transport::State::kWantsRead:
      return loop_.ChangeWatch(newcomer.transport.fd(), EPOLLIN, tag);
    case Transport::State::kWantsWrite:
      return loop_.ChangeWatch(newcomer.transport.fd(), EPOLLOUT, tag);
    case Transport::State::kClosed:
      it_.counts.Count(Shed::kHandshake, newcomer.peer->address);
      break;
    case Transport::State::kDone:
      newcomer.peer->spiffe_id = SpiffeIdOf(newcomer.transport.ssl());
      newcomer.peer->spiffe_expire_time = ExpireTimeOf(newcomer.transport.ssl());
      loop_.Unwatch(newcomer.transport.fd());
      it_.take(std::move(newcomer));
      break;
  }
  shaking_.erase(found);
}

bool Acceptor::OnTick(int64_t now_micros) {
  if (is_paused_) {
    if (!reserve_.is_open()) reserve_ = OpenReserve();
    Pause(!reserve_.is_open());
  }
  std::vector<uint64_t> late;
  for (const auto& [tag, newcomer] : shaking_) {
    if (now_micros >= newcomer.deadline_micros) late.push_back(tag);
  }
  for (const uint64_t tag : late) {
    it_.counts.Count(Shed::kSlow, shaking_.at(tag).peer->address);
    shaking_.erase(tag);
  }
  return is_paused_ || !shaking_.empty();
}

bool Acceptor::IsOurs(const std::string& address) {
  absl::MutexLock lock(&mutex_);
  return ours_.contains(address);
}

void Acceptor::Expect(const std::string& address) {
  absl::MutexLock lock(&mutex_);
  ours_.insert(address);
}

void Acceptor::ExpectNoMore(const std::string& address) {
  absl::MutexLock lock(&mutex_);
  ours_.erase(address);
}

}  // namespace capbroker
