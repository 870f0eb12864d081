// What `then` says, and how it is held against what was decided.
#pragma once

#include <string>
#include <vector>

#include "services/simulation/story.h"
#include "services/simulation/words.h"

namespace capbroker {

// Reads one item of `then`: a decision by its kind, "...", "nothing", "refused REASON", or how
// something stands.
Expected ReadExpected(WordReader& words);

bool Holds(const ExpectedDecision& expected, const Decision& decision, const Act& act,
           const Stage& stage);

// The refusal has every reason, field, code and fact that is said of it.
bool Holds(const std::vector<std::string>& refusal, const absl::Status& status);
std::string WriteRefusal(const absl::Status& status);

// A decision as an item of `then` that it fulfils: its kind, and the facts that tell it from
// others.
std::string WriteDecision(const Decision& decision, const Act& act);

// The name of a status code as gRPC spells it: "FAILED_PRECONDITION".
std::string CodeName(absl::StatusCode code);

}  // namespace capbroker
