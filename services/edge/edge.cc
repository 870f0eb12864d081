#include "services/edge/edge.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "broker/values/text.h"
#include "services/edge/self_call.h"

namespace capbroker {
namespace {

constexpr int64_t kSelfCallMicros = 2'000'000;
constexpr absl::Duration kLastWords = absl::Seconds(1);
// A connection takes a caller's descriptor and the two ends of a pair; the process has some others.
constexpr uint64_t kDescriptorsEach = 3, kDescriptorsOfOthers = 64, kFewestConnections = 4;

size_t Affordable(size_t wanted) {
  const uint64_t limit = RaiseDescriptorLimit();
  const uint64_t for_connections = limit > kDescriptorsOfOthers ? limit - kDescriptorsOfOthers : 0;
  return std::min<uint64_t>(wanted,
                            std::max(for_connections / kDescriptorsEach, kFewestConnections));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Edge>> Edge::Open(EdgeOptions options,
                                                 std::unique_ptr<ServerTls> tls, PeerTable& peers) {
  absl::StatusOr<ListeningSockets> sockets = Listen(options.address);
  if (!sockets.ok()) {
    return absl::Status(sockets.status().code(), Cat("cannot listen on ", options.address, ": ",
                                                     sockets.status().message()));
  }
  return std::unique_ptr<Edge>(
      new Edge(std::move(options), *std::move(sockets), std::move(tls), peers));
}

Edge::Edge(EdgeOptions options, ListeningSockets sockets, std::unique_ptr<ServerTls> tls,
           PeerTable& peers)
    : options_(std::move(options)),
      sockets_(std::move(sockets)),
      bound_address_(LocalAddressOf(sockets_.sockets.front().get())),
      tls_(std::move(tls)),
      max_connections_(Affordable(options_.max_connections)),
      connections_(max_connections_, options_.max_connections_per_address),
      counts_(options_.on_shed),
      peers_(peers) {}

Edge::~Edge() { Stop(); }

void Edge::Start(std::function<void(int)> hand_over) {
  {
    absl::MutexLock lock(&mutex_);
    hand_over_ = std::move(hand_over);
    answered_at_ = EdgeMicros();
  }
  relay_ = std::make_unique<Relay>(peers_, counts_,
                                   [this](Descriptor fd) { return HandOver(std::move(fd)); });
  acceptor_ = std::make_unique<Acceptor>(
      Acceptor::Environment{sockets_, tls_.get(), connections_, counts_, options_.handshake_micros,
                            [this](Newcomer newcomer) { relay_->Add(std::move(newcomer)); },
                            options_.on_bad_certificate_files});
  acceptor_->Start();
  self_caller_ = std::thread([this] { CallSelfEverySecond(); });
}

bool Edge::HandOver(Descriptor socket) {
  absl::MutexLock lock(&mutex_);
  if (hand_over_) hand_over_(socket.Release());
  return hand_over_ != nullptr;
}

void Edge::StopTaking() {
  if (acceptor_ == nullptr || stopped_taking_.HasBeenNotified()) return;
  stopped_taking_.Notify();
  self_caller_.join();
  acceptor_->Stop();
  if (address().starts_with("unix:")) unlink(address().c_str() + 5);
  absl::MutexLock lock(&mutex_);
  hand_over_ = nullptr;
}

void Edge::Stop() {
  StopTaking();
  if (relay_ != nullptr && !stopped_.exchange(true)) relay_->Finish(kLastWords);
}

absl::Status Edge::CallSelf(int64_t patience_micros) {
  return capbroker::CallSelf(*acceptor_, bound_address_, tls_ != nullptr, patience_micros);
}

void Edge::CallSelfEverySecond() {
  pthread_setname_np(pthread_self(), "edge-self-call");
  do {
    const absl::Status status = CallSelf(kSelfCallMicros);
    absl::MutexLock lock(&mutex_);
    if (status.ok()) answered_at_ = EdgeMicros();
    last_call_ = status;
  } while (!stopped_taking_.WaitForNotificationWithTimeout(absl::Seconds(1)));
}

Edge::Reachability Edge::reachability() const {
  absl::MutexLock lock(&mutex_);
  if (last_call_.ok()) return {};
  return {EdgeMicros() - answered_at_, std::string(last_call_.message())};
}

}  // namespace capbroker
