#include "services/cli/name_arguments.h"

#include <vector>

#include "broker/values/ids.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

// One part of a name: its collection, and the check of its id.
struct Part {
  std::string_view collection;
  bool (*is_valid)(std::string_view);
};

bool IsRequest(std::string_view text) { return ParseRequestId(text).ok(); }
bool IsNumber(std::string_view text) { return ParseNumber<uint32_t>(text).value_or(0) > 0; }

// A full name has all collections. A short one has none, and may lack the owner.
absl::StatusOr<std::string> Read(std::string_view text, std::string_view owner,
                                 const std::vector<Part>& parts, std::string_view what,
                                 std::string_view want) {
  std::vector<std::string_view> words = Split(text, '/');
  const bool full = words.size() == 2 * parts.size() && words[0] == parts[0].collection;
  if (full) {
    for (size_t i = 0; i < parts.size(); ++i) {
      if (words[2 * i] != parts[i].collection) return Invalid(what, text, want);
      words[i] = words[2 * i + 1];
    }
    words.resize(parts.size());
  } else if (words.size() + 1 == parts.size()) {
    if (owner.empty()) return Invalid(what, text, Cat(want, "; or name the owner with --owner"));
    words.insert(words.begin(), owner);
  }
  if (words.size() != parts.size()) return Invalid(what, text, want);
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i].is_valid(words[i])) return Invalid(what, text, want);
    out += Cat(out.empty() ? "" : "/", parts[i].collection, "/", words[i]);
  }
  return out;
}

const Part kOwner{"owners", IsName};
const Part kRequest{"capacityRequests", IsRequest};

}  // namespace

absl::StatusOr<std::string> ReadOwnerName(std::string_view owner) {
  if (owner.empty()) return Invalid("--owner", "nothing", "the owner's id, such as openai");
  return Read(owner, "", {kOwner}, "--owner", "an owner's id, such as openai");
}
absl::StatusOr<std::string> ReadProviderName(std::string_view provider) {
  if (provider.empty()) return Invalid("--provider", "nothing", "the provider's id, such as azure");
  return Read(provider, "", {{"providers", IsName}}, "provider", "a provider's id, such as azure");
}
absl::StatusOr<std::string> ReadAgreementName(std::string_view text, std::string_view owner) {
  return Read(text, owner, {kOwner, {"agreements", IsName}}, "AGREEMENT",
              "OWNER/AGREEMENT, such as openai/azure");
}
absl::StatusOr<std::string> ReadRequestName(std::string_view text, std::string_view owner) {
  return Read(text, owner, {kOwner, kRequest}, "REQUEST", "OWNER/REQUEST with the request's UUID");
}
absl::StatusOr<std::string> ReadOfferName(std::string_view text, std::string_view owner) {
  return Read(text, owner, {kOwner, kRequest, {"offers", IsNumber}}, "OFFER",
              "OWNER/REQUEST/NUMBER");
}
absl::StatusOr<std::string> ReadAllocationName(std::string_view text, std::string_view owner) {
  return Read(text, owner, {kOwner, kRequest, {"allocations", IsNumber}}, "ALLOCATION",
              "OWNER/REQUEST/NUMBER");
}

absl::StatusOr<std::string> ReadClauseName(std::string_view text, std::string_view owner,
                                           std::string_view collection) {
  return Read(text, owner, {kOwner, {"agreements", IsName}, {collection, IsClauseName}}, "CLAUSE",
              "OWNER/AGREEMENT/CLAUSE, such as openai/azure/C4");
}

std::string ShortName(std::string_view name) {
  const std::vector<std::string_view> words = Split(name, '/');
  std::string out;
  for (size_t i = 1; i < words.size(); i += 2) out += Cat(out.empty() ? "" : "/", words[i]);
  return out;
}

std::string ParentOwner(std::string_view name) {
  const std::vector<std::string_view> words = Split(name, '/');
  return words.size() < 2 ? std::string(name) : Cat(words[0], "/", words[1]);
}

}  // namespace capbroker
