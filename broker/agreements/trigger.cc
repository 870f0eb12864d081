#include "broker/agreements/trigger.h"

#include <algorithm>

namespace capbroker {

bool IsEnough(const Clause& clause, const Money& measure) {
  if (!clause.threshold.IsSet()) return true;
  return measure.currency == clause.threshold.currency && measure.micros >= clause.threshold.micros;
}

bool IsAttested(const Clause& clause, const Trigger& trigger) {
  const auto signed_by =
      std::count_if(trigger.signatures.begin(), trigger.signatures.end(),
                    [&](const Trigger::Signature& s) { return IsEnough(clause, s.measure); });
  const auto all = static_cast<int64_t>(clause.attesters.size());
  return signed_by >= (clause.quorum == 0 ? all : clause.quorum);
}

}  // namespace capbroker
