#include "services/edge/peer.h"

#include <utility>

#include "absl/strings/string_view.h"

namespace capbroker {

std::shared_ptr<Peer> PeerTable::Find(std::string_view name) const {
  absl::ReaderMutexLock lock(&mutex_);
  const auto found = peers_.find(absl::string_view(name.data(), name.size()));
  return found == peers_.end() ? nullptr : found->second;
}

void PeerTable::Add(const std::string& name, std::shared_ptr<Peer> peer) {
  absl::MutexLock lock(&mutex_);
  peers_[name] = std::move(peer);
}

void PeerTable::Remove(const std::string& name) {
  absl::MutexLock lock(&mutex_);
  peers_.erase(name);
}

}  // namespace capbroker
