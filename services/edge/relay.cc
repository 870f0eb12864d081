#include "services/edge/relay.h"

#include <utility>
#include <vector>

namespace capbroker {

Relay::Relay(PeerTable& peers, EdgeCounts& counts, std::function<bool(Descriptor)> hand_over)
    : context_{loop_, peers, counts, std::move(hand_over)} {
  loop_.Start([this](uint64_t tag, uint32_t events) { OnEvent(tag, events); },
              [this](int64_t now) { return OnTick(now); });
}

void Relay::Add(Newcomer newcomer) {
  loop_.Post([this, newcomer = std::move(newcomer)]() mutable {
    const uint64_t id = ++last_id_;
    newcomer.peer->wake = [this, id] { loop_.Post([this, id] { LookAgain(id); }); };
    connections_.emplace(id,
                         std::make_unique<RelayedConnection>(id, std::move(newcomer), context_));
  });
}

void Relay::OnEvent(uint64_t tag, uint32_t events) {
  const auto found = connections_.find(tag / 2);
  if (found == connections_.end()) return;  // It ended with an event before.
  const int64_t now = EdgeMicros();
  Keep(found,
       tag % 2 == 0 ? found->second->OnClient(events, now) : found->second->OnServer(events, now));
}

void Relay::LookAgain(uint64_t id) {
  const auto found = connections_.find(id);
  if (found != connections_.end()) Keep(found, found->second->OnTime(EdgeMicros()));
}

bool Relay::OnTick(int64_t now_micros) {
  std::vector<uint64_t> over;
  bool needs_time = false;
  for (const auto& [id, connection] : connections_) {
    if (!connection->NeedsTime()) continue;
    if (connection->OnTime(now_micros)) {
      needs_time |= connection->NeedsTime();
    } else {
      over.push_back(id);
    }
  }
  for (const uint64_t id : over) connections_.erase(id);
  NoticeEnd();
  return needs_time;
}

void Relay::Keep(Connections::iterator connection, bool goes_on) {
  const bool is_full = goes_on && connection->second->is_held_by_all();
  if (!goes_on) connections_.erase(connection);
  if (is_full) EndLargestStranger();
  NoticeEnd();
}

void Relay::Finish(absl::Duration patience) {
  loop_.Post([this] {
    is_finishing_ = true;
    absl::erase_if(connections_, [](const auto& each) { return !each.second->has_server(); });
    NoticeEnd();
  });
  finished_.WaitForNotificationWithTimeout(patience);
  loop_.Stop();
}

void Relay::NoticeEnd() {
  if (is_finishing_ && connections_.empty() && !finished_.HasBeenNotified()) finished_.Notify();
}

// Whoever holds the most of what all strangers may hold makes room for the others.
void Relay::EndLargestStranger() {
  auto largest = connections_.end();
  for (auto at = connections_.begin(); at != connections_.end(); ++at) {
    if (!at->second->is_stranger()) continue;
    if (largest == connections_.end() || at->second->charge() > largest->second->charge())
      largest = at;
  }
  if (largest == connections_.end()) return;
  largest->second->End(Shed::kStrangers);
  connections_.erase(largest);
}

}  // namespace capbroker
