// Where a story plays: a world, and what its people call things in it ("R1", azure's offer, trigger
// C6).
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "services/simulation/world.h"

namespace capbroker {

// Which request or offer is meant. What is left out follows from the others and from the story so
// far.
struct Target {
  std::string request{};   // A name that `as` gave; empty: the request made last.
  uint32_t offer = 0;      // 0: the one that fits.
  std::string provider{};  // Whose offer or allocation.
};

// What the act needs of the offer, where no number is given: the latest that fits, else the
// provider's latest.
enum class Fitting { kOpen, kCountered, kHeld, kStanding };

class Stage {
 public:
  explicit Stage(Instant start) : world(start) {}

  World world;

  // INVALID_ARGUMENT, in words, where there is no such thing.
  struct Found {
    OwnerId owner{};
    const RequestBook* request = nullptr;
  };
  absl::StatusOr<Found> FindRequest(const std::string& name) const;
  // As found; the offer may be any number that is given, for answers to what does not exist.
  absl::StatusOr<uint32_t> FindOffer(const RequestBook& request, const Target& target,
                                     Fitting fitting) const;
  // `agreement` empty: the only one there is.
  struct Agreement {
    OwnerId owner{};
    AgreementId id{};
  };
  absl::StatusOr<Agreement> FindAgreement(const std::string& agreement) const;
  bool IsOwner(const std::string& name) const;

  void Name(const std::string& name, const OwnerId& owner, const RequestId& id);
  // What the story calls the request; its id's first digits where it has no name.
  std::string NameOf(const RequestId& id) const;

 private:
  std::map<std::string, std::pair<OwnerId, RequestId>> named_;  // "" is the request made last.
};

}  // namespace capbroker
