// The names of the API's resources: "owners/{owner}/capacityRequests/{request}/offers/{number}" and
// the others.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "broker/values/ids.h"
#include "services/messages/fields.h"

namespace capbroker {

struct RequestName {
  OwnerId owner{};
  RequestId request{};
};
// Of an offer, or of the allocation that its acceptance made: they share the number.
struct OfferName {
  OwnerId owner{};
  RequestId request{};
  uint32_t number = 0;
};
struct AgreementName {
  OwnerId owner{};
  AgreementId agreement{};
};
// Of what stands beside an agreement under a clause's id: a waiver, a trigger, a commitment.
struct ClauseName {
  OwnerId owner{};
  AgreementId agreement{};
  ClauseId clause{};
};
inline constexpr char kWaivers[] = "waivers", kTriggers[] = "triggers",
                      kCommitments[] = "commitments";
// Whose trail, and of which request; unset: of all. The registry's owner is kDirectory.
struct TrailName {
  OwnerId owner{};
  RequestId request{};
};

std::string FullName(const OwnerId& owner);  // "providers" for kDirectory.
std::string FullName(const ProviderId& provider);
std::string FullName(const RequestName& name);
std::string FullName(const OfferName& name);
std::string FullName(const AgreementName& name);
std::string FullName(const ClauseName& name, std::string_view collection);
std::string AllocationName(const OfferName& name);

// Complains to `fields` about a name that does not follow its pattern.
RequestName ParseRequestName(Fields& fields, const Path& path, const std::string& got);
OfferName ParseOfferName(Fields& fields, const Path& path, const std::string& got);
OfferName ParseAllocationName(Fields& fields, const Path& path, const std::string& got);
AgreementName ParseAgreementName(Fields& fields, const Path& path, const std::string& got);
ClauseName ParseClauseName(Fields& fields, const Path& path, const std::string& got,
                           std::string_view collection);
TrailName ParseTrailName(Fields& fields, const Path& path, const std::string& got);

}  // namespace capbroker
