// Calls providers that want to be called about their open offers (R2), and brings their answers to
// the sequencer.
//
// Follows the feed, as watchers do: first what the ledger has open, which a restart left, then what
// durable batches change. All of it happens on one thread and on gRPC's; the sequencer is only ever
// given commands:
//   RecordNotice    what came of the attempts, by the broker (attempt_log.h says which);
//   AcceptOffer...  the answer, by the provider, as if it had called OfferService (answer.h);
//   ReportHealth    the breaker opened, or closed (R23), by the broker.
// An offer may be delivered twice, after a restart above all; the provider has to answer it alike,
// and the command's key makes one of both.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/delivery/caller.h"
#include "services/delivery/courier.h"
#include "services/sequencing/clock.h"
#include "services/sequencing/feed.h"
#include "services/sequencing/sequencer.h"
#include "services/sequencing/tally.h"
#include "storage/ledger.h"

namespace capbroker {

struct DeliveryOptions {
  CallerOptions caller{};
  CourierOptions courier{};
  Span timeout = Seconds(10);   // Of one call; less where the offer's deadline is nearer.
  uint64_t seed = 0;            // Of the pauses; 0: another for each process.
  size_t watch_bound = 65'536;  // Changes that may wait to be looked at.
};

struct DeliveryCounts {
  // By provider and outcome; delivered ones are there, as 0, from the start.
  std::map<std::pair<std::string, std::string>, uint64_t> attempts{};
  std::map<std::string, Tally<kLatencyBounds>>
      took{};  // By provider: microseconds from a call to its status.
  std::vector<Courier::Standing> standings{};  // By provider.
};

class Delivery {
 public:
  // All that is given outlives the delivery. INVALID_ARGUMENT names the option.
  static absl::StatusOr<std::unique_ptr<Delivery>> Start(const DeliveryOptions& options,
                                                         Ledger& ledger, Sequencer& sequencer,
                                                         Feed& feed, Clock& clock);
  ~Delivery();  // Stop().

  // Cancels the calls that are out, and waits for them. Offers stay open: whoever serves next
  // delivers them again.
  void Stop();
  // Looks at the clock now, which may have been moved.
  void Wake();
  DeliveryCounts counts() const;

 private:
  class Parts;
  explicit Delivery(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace capbroker
