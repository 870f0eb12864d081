#include "services/delivery/courier.h"

#include <algorithm>

namespace capbroker {

void Courier::Add(const ProviderId& provider, bool broken) {
  Line line{.breaker = Breaker(options_.breaker_failures, options_.breaker_pause, broken)};
  // Calls from before its removal are still in flight.
  if (const auto found = orphans_.find(provider); found != orphans_.end()) {
    line.in_flight = found->second;
    orphans_.erase(found);
  }
  lines_.emplace(provider, std::move(line));
}

void Courier::Remove(const ProviderId& provider) {
  const auto found = lines_.find(provider);
  if (found == lines_.end()) return;
  if (found->second.in_flight > 0) orphans_[provider] = found->second.in_flight;
  lines_.erase(found);
  absl::erase_if(offers_, [&](const auto& item) { return item.second.provider == provider; });
}

void Courier::OpenOffer(const OfferKey& key, const ProviderId& provider, bool by_right,
                        Instant deadline, const std::string& where, Instant now) {
  const auto [at, is_new] = offers_.try_emplace(
      key, Entry{.provider = provider, .by_right = by_right, .log = AttemptLog(where)});
  Entry& entry = at->second;
  entry.deadline = deadline;
  Line& line = lines_.at(provider);
  if (is_new) ++line.open;
  if (is_new || (entry.phase == Phase::kExpired && now <= deadline)) Wait(line, key, entry, now);
}

std::optional<Notice> Courier::CloseOffer(const OfferKey& key) {
  const auto found = offers_.find(key);
  if (found == offers_.end() || found->second.over) return std::nullopt;
  Entry& entry = found->second;
  Line& line = lines_.at(entry.provider);
  --line.open;
  if (entry.phase == Phase::kCalling) {
    entry.over = true;
    return std::nullopt;
  }
  if (entry.phase == Phase::kWaiting) QueueOf(line, entry).erase({entry.due, key});
  std::optional<Notice> rest = entry.log.Flush();
  offers_.erase(found);
  return rest;
}

void Courier::Wait(Line& line, const OfferKey& key, Entry& entry, Instant due) {
  entry.phase = Phase::kWaiting;
  entry.due = due;
  QueueOf(line, entry).emplace(due, key);
}

std::optional<OfferKey> Courier::Pick(Line& line, Instant now) const {
  if (line.in_flight >= (line.breaker.IsBroken() ? 1 : options_.in_flight_each))
    return std::nullopt;
  const auto due = [&](const Queue& queue) {
    return !queue.empty() && queue.begin()->first <= now;
  };
  if (due(line.by_right)) return line.by_right.begin()->second;
  if (due(line.alternatives) && line.breaker.Admits() <= now)
    return line.alternatives.begin()->second;
  return std::nullopt;
}

std::vector<Courier::Attempt> Courier::Start(Instant now) {
  std::vector<Attempt> attempts;
  // Round robin, so that one provider's many offers do not delay the others.
  for (bool found = true; found && in_flight_ < options_.in_flight;) {
    found = false;
    auto at = lines_.upper_bound(last_);
    for (size_t i = 0; i < lines_.size() && in_flight_ < options_.in_flight; ++i, ++at) {
      if (at == lines_.end()) at = lines_.begin();
      Line& line = at->second;
      const std::optional<OfferKey> key = Pick(line, now);
      if (!key) continue;
      found = true;
      last_ = at->first;
      Entry& entry = offers_.at(*key);
      QueueOf(line, entry).erase({entry.due, *key});
      // The offer's end is on its way; until then the offer is left alone, unless its deadline is
      // extended.
      if (now > entry.deadline) {
        entry.phase = Phase::kExpired;
        continue;
      }
      entry.phase = Phase::kCalling;
      line.breaker.OnStart();
      ++line.in_flight;
      ++in_flight_;
      attempts.push_back({*key, entry.provider, ++entry.attempts, entry.deadline});
    }
  }
  return attempts;
}

Instant Courier::Due() const {
  Instant earliest = kLastInstant;
  if (in_flight_ >= options_.in_flight) return earliest;
  for (const auto& [provider, line] : lines_) {
    if (line.in_flight >= (line.breaker.IsBroken() ? 1 : options_.in_flight_each)) continue;
    if (!line.by_right.empty()) earliest = std::min(earliest, line.by_right.begin()->first);
    if (!line.alternatives.empty()) {
      earliest =
          std::min(earliest, std::max(line.alternatives.begin()->first, line.breaker.Admits()));
    }
  }
  return earliest;
}

Courier::Finished Courier::Finish(const OfferKey& key, const ProviderId& provider,
                                  const std::string& outcome, const std::string& detail, Next next,
                                  Instant now) {
  Finished out;
  --in_flight_;
  const auto line = lines_.find(provider);
  if (line == lines_.end()) {
    if (const auto orphan = orphans_.find(provider);
        orphan != orphans_.end() && --orphan->second == 0) {
      orphans_.erase(orphan);
    }
    return out;
  }
  --line->second.in_flight;
  const bool delivered = outcome == AttemptLog::kDelivered;
  if (delivered && line->second.breaker.OnSuccess()) out.healthy = true;
  if (!delivered && line->second.breaker.OnFailure(now)) out.healthy = false;
  const auto found = offers_.find(key);
  if (found == offers_.end() || found->second.phase != Phase::kCalling) return out;
  Entry& entry = found->second;
  out.notice = entry.log.Add(outcome, detail);
  if (entry.over) {
    if (!out.notice) out.notice = entry.log.Flush();
    offers_.erase(found);
    return out;
  }
  entry.phase = Phase::kIdle;
  if (delivered) entry.failures = 0;
  if (next == Next::kRetry) Retry(key, now);
  return out;
}

void Courier::Retry(const OfferKey& key, Instant now) {
  const auto found = offers_.find(key);
  if (found == offers_.end() || found->second.phase != Phase::kIdle) return;
  Entry& entry = found->second;
  Wait(lines_.at(entry.provider), key, entry, now + Pause(++entry.failures));
}

void Courier::NotRecorded(const OfferKey& key, const Notice& notice) {
  if (const auto found = offers_.find(key); found != offers_.end())
    found->second.log.NotRecorded(notice);
}

Span Courier::Pause(int failures) {
  int64_t bound = options_.first_pause.micros;
  for (int i = 1; i < failures && bound < options_.longest_pause.micros; ++i) bound *= 2;
  bound = std::min(bound, options_.longest_pause.micros);
  return {std::uniform_int_distribution<int64_t>(0, bound)(chance_)};
}

std::vector<Courier::Standing> Courier::standings(Instant now) const {
  std::vector<Standing> out;
  for (const auto& [provider, line] : lines_) {
    out.push_back({provider, line.open, line.in_flight, line.breaker.state(now)});
  }
  return out;
}

}  // namespace capbroker
