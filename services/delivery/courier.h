// Delivery policy: which open offer is to be delivered to its provider, when, and what is to be
// recorded of it. It has no threads, no clock and no network: `now` is an argument, calls and
// records are values, and delivery.h carries them out.
//
// Invariants:
// - An offer is attempted only while it is open and its deadline has not passed, one call at a
//   time.
// - A provider has at most `in_flight_each` calls in flight, all together at most `in_flight`.
// - Retry with backoff and full jitter: after a failed attempt the next waits for a span drawn
//   uniformly from zero to a bound that doubles with each failure in a row. A provider that comes
//   back is not met by all offers at once.
// - While a provider's breaker is open, offers to it as an alternative wait for a probe. Those
//   under a right still go out, one at a time (R23: a rights-holder is never skipped).
// - Every attempt is reported in the trail (attempt_log.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "broker/values/ids.h"
#include "broker/values/time.h"
#include "services/delivery/attempt_log.h"
#include "services/delivery/breaker.h"

namespace capbroker {

struct CourierOptions {
  Span first_pause = Seconds(1), longest_pause = Seconds(60);
  size_t in_flight_each = 8, in_flight = 64;
  int breaker_failures = 5;          // Consecutive failures that open a breaker.
  Span breaker_pause = Seconds(30);  // How long a breaker stays open.
};

// Identifies an offer: its number is unique within its request.
using OfferKey = std::pair<RequestId, uint32_t>;

class Courier {
 public:
  Courier(const CourierOptions& options, uint64_t seed) : options_(options), chance_(seed) {}

  // Adds a provider with an endpoint. `broken`: the record says that its breaker is open.
  void Add(const ProviderId& provider, bool broken);
  // Removes a provider and all of its offers. Calls in flight may still finish; their results are
  // ignored.
  void Remove(const ProviderId& provider);

  // An offer is open, or its deadline has changed. `by_right`: its provider is a rights-holder.
  // `where` is the address for the trail.
  void OpenOffer(const OfferKey& key, const ProviderId& provider, bool by_right, Instant deadline,
                 const std::string& where, Instant now);
  bool Has(const OfferKey& key) const { return offers_.contains(key); }
  // An offer has ended. Returns what is still to be recorded of its attempts; if a call is in
  // flight, Finish returns it.
  std::optional<Notice> CloseOffer(const OfferKey& key);

  // Calls to start now; each must be finished.
  struct Attempt {
    OfferKey key{};
    ProviderId provider{};
    int number = 0;      // From 1.
    Instant deadline{};  // The offer's.
  };
  std::vector<Attempt> Start(Instant now);
  // The next instant at which Start may return something, as things stand.
  Instant Due() const;

  // What happens to the offer after a call. kRetry: as after a failure, the next attempt is due
  // after a pause.
  enum class Next { kRetry, kIdle };
  struct Finished {
    std::optional<Notice> notice;  // To be recorded.
    std::optional<bool> healthy;   // The breaker closed or opened.
  };
  // `outcome` is AttemptLog::kDelivered or a status code. `provider` is needed if it, or the offer,
  // has been removed meanwhile.
  Finished Finish(const OfferKey& key, const ProviderId& provider, const std::string& outcome,
                  const std::string& detail, Next next, Instant now);
  // An idle offer is to be delivered again after a pause: its answer could not be recorded.
  void Retry(const OfferKey& key, Instant now);
  void NotRecorded(const OfferKey& key, const Notice& notice);

  size_t in_flight() const { return in_flight_; }
  struct Standing {
    ProviderId provider{};
    size_t open = 0, in_flight = 0;
    Breaker::State breaker = Breaker::State::kClosed;
  };
  std::vector<Standing> standings(Instant now) const;  // By provider.

 private:
  using Queue = std::set<std::pair<Instant, OfferKey>>;
  struct Line {
    Breaker breaker;
    size_t open = 0, in_flight = 0;
    Queue by_right{}, alternatives{};  // Waiting offers by due time.
  };
  enum class Phase { kWaiting, kCalling, kIdle, kExpired };
  struct Entry {
    ProviderId provider{};
    bool by_right = false;
    Instant deadline{}, due{};
    Phase phase = Phase::kWaiting;
    bool over = false;               // Ended while a call is in flight.
    int attempts = 0, failures = 0;  // Failures in a row.
    AttemptLog log;
  };

  Queue& QueueOf(Line& line, const Entry& entry) {
    return entry.by_right ? line.by_right : line.alternatives;
  }
  void Wait(Line& line, const OfferKey& key, Entry& entry, Instant due);
  std::optional<OfferKey> Pick(Line& line, Instant now) const;
  Span Pause(int failures);

  const CourierOptions options_;
  std::mt19937_64 chance_;
  size_t in_flight_ = 0;
  std::map<ProviderId, Line> lines_;
  ProviderId last_{};  // The provider that Start served last; the next one goes first.
  absl::flat_hash_map<OfferKey, Entry> offers_;
  // Calls in flight of providers that were removed.
  std::map<ProviderId, size_t> orphans_;
};

}  // namespace capbroker
