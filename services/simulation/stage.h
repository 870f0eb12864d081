// Stage of a story: a world, and the story's names for things in it ("R1", azure's offer, trigger
// C6).
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "services/simulation/world.h"

namespace capbroker {

// A request or an offer. Missing parts follow from the others and from the story so far.
struct Target {
  std::string request{};   // A name given by `as`; empty: the latest request.
  uint32_t offer = 0;      // 0: the latest one that fits.
  std::string provider{};  // The offer's or allocation's provider.
};

// The state that the act needs, if no number is given: the latest offer that fits, else the
// provider's latest.
enum class Fitting { kOpen, kCountered, kHeld, kStanding };

class Stage {
 public:
  explicit Stage(Instant start) : world(start) {}

  World world;

  // INVALID_ARGUMENT, in words, if there is none.
  struct Found {
    OwnerId owner{};
    const RequestBook* request = nullptr;
  };
  absl::StatusOr<Found> FindRequest(const std::string& name) const;
  // As before; but any given offer number is accepted, for answers to offers that do not exist.
  absl::StatusOr<uint32_t> FindOffer(const RequestBook& request, const Target& target,
                                     Fitting fitting) const;
  // An empty `agreement` means the only one.
  struct Agreement {
    OwnerId owner{};
    AgreementId id{};
  };
  absl::StatusOr<Agreement> FindAgreement(const std::string& agreement) const;
  bool IsOwner(const std::string& name) const;

  void Name(const std::string& name, const OwnerId& owner, const RequestId& id);
  // The story's name of the request; the first digits of its id if it has none.
  std::string NameOf(const RequestId& id) const;

 private:
  std::map<std::string, std::pair<OwnerId, RequestId>> named_;  // "" is the latest request.
};

}  // namespace capbroker
