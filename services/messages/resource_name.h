// Resource names of the API: "owners/{owner}/capacityRequests/{request}/offers/{number}" and the
// others.
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
// Of an offer, or of the allocation of its acceptance, which has the same number.
struct OfferName {
  OwnerId owner{};
  RequestId request{};
  uint32_t number = 0;
};
struct AgreementName {
  OwnerId owner{};
  AgreementId agreement{};
};
// Of a resource below an agreement, by its clause's id: a waiver, a trigger, a commitment.
struct ClauseName {
  OwnerId owner{};
  AgreementId agreement{};
  ClauseId clause{};
};
inline constexpr char kWaivers[] = "waivers", kTriggers[] = "triggers",
                      kCommitments[] = "commitments";
// A trail of an owner, or of one request; unset: the whole trail. The registry's owner is
// kDirectory.
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

// Each complains to `fields` about a malformed name.
RequestName ParseRequestName(Fields& fields, const Path& path, const std::string& got);
OfferName ParseOfferName(Fields& fields, const Path& path, const std::string& got);
OfferName ParseAllocationName(Fields& fields, const Path& path, const std::string& got);
AgreementName ParseAgreementName(Fields& fields, const Path& path, const std::string& got);
ClauseName ParseClauseName(Fields& fields, const Path& path, const std::string& got,
                           std::string_view collection);
TrailName ParseTrailName(Fields& fields, const Path& path, const std::string& got);

}  // namespace capbroker
