// R18: what ends clauses, once those who must have signed.
#pragma once

#include <string>
#include <vector>

#include "broker/agreements/agreement.h"
#include "broker/values/ids.h"
#include "broker/values/money.h"

namespace capbroker {

enum class TriggerState { kAsserted, kDisputed, kAttested, kEffective, kRejected, kWithdrawn };
template <>
struct Names<TriggerState> {
  static constexpr std::array<std::string_view, 6> values = {"ASSERTED",  "DISPUTED", "ATTESTED",
                                                             "EFFECTIVE", "REJECTED", "WITHDRAWN"};
};
inline bool IsFinal(TriggerState s) { return s >= TriggerState::kEffective; }

// What became of one TRIGGER clause of one version since it was last asserted. ATTESTED: at least
// one has signed.
struct Assertion {
  struct Signature {
    std::string party{};
    Money measure{};  // Unset if none was given.
  };
  ClauseRef clause{};
  TriggerState state = TriggerState::kAsserted;
  std::string asserted_by{};
  Hash evidence{};            // SHA-256 of what shows it; zeros if none was named.
  std::string disputed_by{};  // Of an open dispute.
  Instant asserted{};
  Instant disputable_until{};  // The last instant of the dispute window.
  Instant attest_by{};         // The last instant at which it may be attested.
  std::vector<Signature> signatures{};
};

// Whether the measure reaches the clause's threshold, compared exactly; true where it has none.
bool IsEnough(const TriggerClause& clause, const Money& measure);
// Whether as many have signed, each with a measure that is enough, as the clause wants.
bool IsAttested(const TriggerClause& clause, const Assertion& assertion);
// Whether too few are left to sign: who signed below the threshold does not sign again.
bool CannotBeAttested(const TriggerClause& clause, const Assertion& assertion);

}  // namespace capbroker
