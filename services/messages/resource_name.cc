#include "services/messages/resource_name.h"

#include <optional>
#include <vector>

#include "broker/values/text.h"

namespace capbroker {
namespace {

// The first four parts of every name below a request.
std::optional<RequestName> RequestOf(const std::vector<std::string_view>& parts) {
  if (parts.size() < 4 || parts[0] != "owners" || !IsName(parts[1]) ||
      parts[2] != "capacityRequests")
    return {};
  const absl::StatusOr<RequestId> id = ParseRequestId(parts[3]);
  if (!id.ok() || !id->IsSet()) return {};
  return RequestName{OwnerId{std::string(parts[1])}, *id};
}

OfferName ParseNumbered(Fields& fields, const Path& path, const std::string& got,
                        std::string_view collection, std::string_view want) {
  const std::vector<std::string_view> parts = Split(got, '/');
  const std::optional<RequestName> request = RequestOf(parts);
  const bool whole = request && parts.size() == 6 && parts[4] == collection;
  const uint32_t number = whole ? ParseNumber<uint32_t>(parts[5]).value_or(0) : 0;
  // Each name has one spelling: no leading zeros.
  if (number > 0 && parts[5][0] != '0') return {request->owner, request->request, number};
  fields.Complain(path, Quoted(got), want);
  return {};
}

}  // namespace

std::string FullName(const OwnerId& owner) {
  return owner == kDirectory ? "providers" : Cat("owners/", owner.value);
}
std::string FullName(const ProviderId& provider) { return Cat("providers/", provider.value); }
std::string FullName(const RequestName& name) {
  return Cat("owners/", name.owner.value, "/capacityRequests/", Format(name.request));
}
std::string FullName(const OfferName& name) {
  return Cat(FullName(RequestName{name.owner, name.request}), "/offers/", name.number);
}
std::string FullName(const AgreementName& name) {
  return Cat("owners/", name.owner.value, "/agreements/", name.agreement.value);
}
std::string FullName(const ClauseName& name, std::string_view collection) {
  return Cat(FullName(AgreementName{name.owner, name.agreement}), "/", collection, "/",
             name.clause.value);
}
std::string AllocationName(const OfferName& name) {
  return Cat(FullName(RequestName{name.owner, name.request}), "/allocations/", name.number);
}

RequestName ParseRequestName(Fields& fields, const Path& path, const std::string& got) {
  const std::vector<std::string_view> parts = Split(got, '/');
  const std::optional<RequestName> name = parts.size() == 4 ? RequestOf(parts) : std::nullopt;
  if (!name)
    fields.Complain(path, Quoted(got),
                    "owners/{owner}/capacityRequests/{request}, the request a UUID");
  return name.value_or(RequestName{});
}

OfferName ParseOfferName(Fields& fields, const Path& path, const std::string& got) {
  return ParseNumbered(fields, path, got, "offers",
                       "owners/{owner}/capacityRequests/{request}/offers/{number}");
}

OfferName ParseAllocationName(Fields& fields, const Path& path, const std::string& got) {
  return ParseNumbered(fields, path, got, "allocations",
                       "owners/{owner}/capacityRequests/{request}/allocations/{number}");
}

AgreementName ParseAgreementName(Fields& fields, const Path& path, const std::string& got) {
  const std::vector<std::string_view> parts = Split(got, '/');
  if (parts.size() == 4 && parts[0] == "owners" && IsName(parts[1]) && parts[2] == "agreements" &&
      IsName(parts[3])) {
    return {OwnerId{std::string(parts[1])}, AgreementId{std::string(parts[3])}};
  }
  fields.Complain(path, Quoted(got), "owners/{owner}/agreements/{agreement}");
  return {};
}

ClauseName ParseClauseName(Fields& fields, const Path& path, const std::string& got,
                           std::string_view collection) {
  const std::vector<std::string_view> parts = Split(got, '/');
  if (parts.size() == 6 && parts[0] == "owners" && IsName(parts[1]) && parts[2] == "agreements" &&
      IsName(parts[3]) && parts[4] == collection && IsClauseName(parts[5])) {
    return {OwnerId{std::string(parts[1])}, AgreementId{std::string(parts[3])},
            ClauseId{std::string(parts[5])}};
  }
  fields.Complain(path, Quoted(got),
                  Cat("owners/{owner}/agreements/{agreement}/", collection, "/{clause}"));
  return {};
}

TrailName ParseTrailName(Fields& fields, const Path& path, const std::string& got) {
  if (got == "providers") return {kDirectory, {}};
  const std::vector<std::string_view> parts = Split(got, '/');
  if (parts.size() == 2 && parts[0] == "owners" && IsName(parts[1]))
    return {OwnerId{std::string(parts[1])}, {}};
  const std::optional<RequestName> request = parts.size() == 4 ? RequestOf(parts) : std::nullopt;
  if (request) return {request->owner, request->request};
  fields.Complain(path, Quoted(got),
                  "owners/{owner}, owners/{owner}/capacityRequests/{request} or providers");
  return {};
}

}  // namespace capbroker
