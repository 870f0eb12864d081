// Delivers open offers to providers that have an endpoint (R2), and submits their answers.
//
// It follows the change feed as watchers do: first the offers that the ledger has open, which a
// restart left, then what durable batches change. It runs on one thread and on gRPC's threads, and
// only submits commands:
//   RecordNotice    the outcome of attempts, in the broker's name (attempt_log.h says which);
//   AcceptOffer...  the answer, in the provider's name, as if it had called OfferService
//                   (answer.h);
//   ReportHealth    a breaker opened or closed (R23), in the broker's name.
// Delivery is at least once: an offer may be delivered again, above all after a restart. The
// provider must answer it in the same way, and the command's key makes both answers one.
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
  Span timeout = Seconds(10);   // Of one call; less if the offer's deadline is nearer.
  uint64_t seed = 0;            // Of the jitter; 0: a random one.
  size_t watch_bound = 65'536;  // Changes that may wait to be read.
};

struct DeliveryCounts {
  // By provider and outcome. Delivered ones are present from the start, as 0.
  std::map<std::pair<std::string, std::string>, uint64_t> attempts{};
  std::map<std::string, Tally<kLatencyBounds>>
      took{};  // Microseconds from a call to its status, by provider.
  std::vector<Courier::Standing> standings{};  // By provider.
};

class Delivery {
 public:
  // All arguments outlive the delivery. INVALID_ARGUMENT names the option.
  static absl::StatusOr<std::unique_ptr<Delivery>> Start(const DeliveryOptions& options,
                                                         Ledger& ledger, Sequencer& sequencer,
                                                         Feed& feed, Clock& clock);
  ~Delivery();  // Calls Stop().

  // Cancels calls in flight and waits for them. Offers stay open: the next process to serve
  // delivers them again.
  void Stop();
  // Reads the clock now; a test may have moved it.
  void Wake();
  DeliveryCounts counts() const;

 private:
  class Parts;
  explicit Delivery(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace capbroker
