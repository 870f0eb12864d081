// Which open offer is to be brought to its provider's door, when, and what is to be said of it
// afterwards. No threads, no clock, no network: `now` is an argument, calls and records are values
// (delivery.h carries them out).
//
// What must hold, whatever comes when:
// - An offer is attempted only while it is open and its deadline has not passed, and one call at a
// time.
// - A provider has at most `in_flight_each` calls out, all together at most `in_flight`.
// - After an attempt that failed, the next waits for a span drawn evenly from zero to a bound that
// doubles with each
//   failure in a row (full jitter), so that a provider that comes back is not met by all of them at
//   once.
// - While a provider's breaker is open, its offers as an alternative wait for a probe; those under
// a right go out
//   all the same, one at a time (R23: a rights-holder is never skipped).
// - Every attempt is told of in the trail (attempt_log.h).
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
  int breaker_failures = 5;          // In a row, that open a breaker.
  Span breaker_pause = Seconds(30);  // For which it stays open.
};

// Of an offer; numbers are unique within a request, and requests everywhere.
using OfferKey = std::pair<RequestId, uint32_t>;

class Courier {
 public:
  Courier(const CourierOptions& options, uint64_t seed) : options_(options), chance_(seed) {}

  // A provider that wants to be called. `broken`: its breaker is open, by the record.
  void Add(const ProviderId& provider, bool broken);
  // With all of its offers. Calls that are out may still be finished, which then says nothing.
  void Remove(const ProviderId& provider);

  // An offer is open, with this deadline; said again, the deadline is the new one. `by_right`: its
  // provider is a rights-holder. `where`: for the trail.
  void Open(const OfferKey& key, const ProviderId& provider, bool by_right, Instant deadline,
            const std::string& where, Instant now);
  bool Has(const OfferKey& key) const { return offers_.contains(key); }
  // An offer is over; what of its attempts is still to be recorded. Of one that is being called
  // about, Finish tells.
  std::optional<Notice> Close(const OfferKey& key);

  // Calls to be made now; each has to be finished.
  struct Attempt {
    OfferKey key{};
    ProviderId provider{};
    int number = 0;      // From 1.
    Instant deadline{};  // The offer's.
  };
  std::vector<Attempt> Start(Instant now);
  // The next instant at which Start may have something, as things stand.
  Instant Due() const;

  // What becomes of the offer after a call. kAgain: as after a failure, the next attempt is due
  // after a pause.
  enum class Next { kAgain, kRest };
  struct Finished {
    std::optional<Notice> notice;  // To be recorded.
    std::optional<bool> healthy;   // The breaker closed or opened.
  };
  // `outcome` is AttemptLog::kDelivered or a code; `provider` is for when it, or the offer, is gone
  // meanwhile.
  Finished Finish(const OfferKey& key, const ProviderId& provider, const std::string& outcome,
                  const std::string& detail, Next next, Instant now);
  // An offer at rest is to be delivered again after a pause: its answer could not be taken.
  void Again(const OfferKey& key, Instant now);
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
    Queue by_right{}, alternatives{};  // Waiting, by when they are due.
  };
  enum class Phase { kWaiting, kCalling, kRest, kExpired };
  struct Entry {
    ProviderId provider{};
    bool by_right = false;
    Instant deadline{}, due{};
    Phase phase = Phase::kWaiting;
    bool over = false;               // And being called about.
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
  ProviderId last_{};  // Whom Start served last: the next goes first.
  absl::flat_hash_map<OfferKey, Entry> offers_;
  // Calls out for offers that are gone, by provider that is gone too.
  std::map<ProviderId, size_t> orphans_;
};

}  // namespace capbroker
