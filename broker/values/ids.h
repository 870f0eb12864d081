// Who and what things are called: every identifier is its own type, so that one cannot stand in for
// another.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "broker/values/names.h"
#include "broker/values/time.h"

namespace capbroker {

// A name that people chose: 1 to 63 of a-z, 0-9 and '-', starting with a letter, not ending with
// '-'.
template <class Tag>
struct Id {
  std::string value;
  auto operator<=>(const Id&) const = default;
  bool empty() const { return value.empty(); }
  template <class H>
  friend H AbslHashValue(H h, const Id& id) {
    return H::combine(std::move(h), id.value);
  }
};
using OwnerId = Id<struct OwnerTag>;
using ProviderId = Id<struct ProviderTag>;
using AgreementId = Id<struct AgreementTag>;
// Clauses are named inside an agreement: 1 to 63 of letters, digits, '-', '_', starting with a
// letter ("C2").
using ClauseId = Id<struct ClauseTag>;

bool IsName(std::string_view text);
bool IsClauseName(std::string_view text);

// Providers are registered with the broker, not with an owner. Their trail is kept like an owner's,
// under this name, which no owner can have.
inline const OwnerId kDirectory{"@providers"};

// A UUIDv7 (RFC 9562): ordered by the millisecond it was made in.
struct RequestId {
  std::array<uint8_t, 16> bytes{};
  auto operator<=>(const RequestId&) const = default;
  bool IsSet() const { return bytes != std::array<uint8_t, 16>{}; }
  template <class H>
  friend H AbslHashValue(H h, const RequestId& id) {
    return H::combine(std::move(h), id.bytes);
  }
};
// `random` fills the 74 bits that time does not.
RequestId MakeRequestId(Instant now, std::array<uint64_t, 2> random);
std::string Format(const RequestId& id);  // 8-4-4-4-12 lower-case hexadecimal digits.
void AppendTo(std::string& out, const RequestId& id);
absl::StatusOr<RequestId> ParseRequestId(std::string_view text);

// A clause of one version of one agreement; the whole version if `clause` is empty, the whole
// agreement if `version` is 0 too.
// "azure/2/C2", "azure/2", "azure" in text; "" if none.
struct ClauseRef {
  AgreementId agreement;
  uint32_t version = 0;
  ClauseId clause;
  auto operator<=>(const ClauseRef&) const = default;
  bool IsSet() const { return !agreement.empty(); }
};
std::string Format(const ClauseRef& ref);
absl::StatusOr<ClauseRef> ParseClauseRef(std::string_view text);

enum class Role { kNone, kOwner, kProvider, kOperator, kAuditor, kBroker };
template <>
struct Names<Role> {
  static constexpr std::array<std::string_view, 6> values = {"none",     "owner",   "provider",
                                                             "operator", "auditor", "broker"};
};

// On whose act something was decided. The broker itself acts when a deadline passes or it resumes.
struct Actor {
  Role role = Role::kNone;
  std::string name;  // An owner's, provider's, operator's or auditor's; empty for the broker.
  auto operator<=>(const Actor&) const = default;
};
std::string Format(const Actor& actor);  // "provider/azure", "broker".
absl::StatusOr<Actor> ParseActor(std::string_view text);

// SHA-256.
using Hash = std::array<uint8_t, 32>;
Hash Sha256(std::string_view first, std::string_view second = {});
std::string Hex(const Hash& hash);  // 64 lower-case hexadecimal digits.
void AppendTo(std::string& out, const Hash& hash);
absl::StatusOr<Hash> ParseHash(std::string_view hex);

}  // namespace capbroker
