#include "broker/agreements/trigger.h"

#include <algorithm>

namespace capbroker {

bool IsEnough(const TriggerClause& clause, const Money& measure) {
  if (!clause.threshold.IsSet()) return true;
  return measure.currency == clause.threshold.currency && measure.micros >= clause.threshold.micros;
}

bool IsAttested(const TriggerClause& clause, const Assertion& assertion) {
  const auto signed_by =
      std::count_if(assertion.signatures.begin(), assertion.signatures.end(),
                    [&](const Assertion::Signature& s) { return IsEnough(clause, s.measure); });
  const auto all = static_cast<int64_t>(clause.attesters.size());
  return signed_by >= (clause.quorum == 0 ? all : clause.quorum);
}

bool CannotBeAttested(const TriggerClause& clause, const Assertion& assertion) {
  const auto below =
      std::count_if(assertion.signatures.begin(), assertion.signatures.end(),
                    [&](const Assertion::Signature& s) { return !IsEnough(clause, s.measure); });
  const auto all = static_cast<int64_t>(clause.attesters.size());
  return all - below < (clause.quorum == 0 ? all : clause.quorum);
}

}  // namespace capbroker
