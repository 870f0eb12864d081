// Resource names as arguments: "openai/0194.../1" is short for
// "owners/openai/capacityRequests/0194.../offers/1". Both forms are accepted everywhere; tables
// show the short one.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace capbroker {

// INVALID_ARGUMENT names the argument ("REQUEST"), what was got and what was wanted. `owner` may be
// empty if the text names the owner.
absl::StatusOr<std::string> ReadOwnerName(std::string_view owner);        // "owners/{owner}"
absl::StatusOr<std::string> ReadProviderName(std::string_view provider);  // "providers/{provider}"
absl::StatusOr<std::string> ReadAgreementName(std::string_view text, std::string_view owner);
absl::StatusOr<std::string> ReadRequestName(std::string_view text, std::string_view owner);
absl::StatusOr<std::string> ReadOfferName(std::string_view text, std::string_view owner);
absl::StatusOr<std::string> ReadAllocationName(std::string_view text, std::string_view owner);
// "owners/{owner}/agreements/{agreement}/{collection}/{clause}".
absl::StatusOr<std::string> ReadClauseName(std::string_view text, std::string_view owner,
                                           std::string_view collection);

// Every second part: "openai/0194.../1", or "azure" of "providers/azure".
std::string ShortName(std::string_view name);
// The first two parts: "owners/openai".
std::string ParentOwner(std::string_view name);

}  // namespace capbroker
