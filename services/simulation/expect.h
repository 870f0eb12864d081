// Expectations of a story (`then`), and their comparison with decisions.
#pragma once

#include <string>
#include <vector>

#include "services/simulation/story.h"
#include "services/simulation/words.h"

namespace capbroker {

// Reads one item of `then`: a decision by its kind, "...", "nothing", "refused REASON", or a state.
Expected ReadExpected(WordReader& words);

bool Holds(const ExpectedDecision& expected, const Decision& decision, const Act& act,
           const Stage& stage);

// Whether the status has every reason, field, code and fact in `refusal`.
bool Holds(const std::vector<std::string>& refusal, const absl::Status& status);
std::string WriteRefusal(const absl::Status& status);

// Writes a decision as an item of `then` that matches it: its kind, and the facts that distinguish
// it.
std::string WriteDecision(const Decision& decision, const Act& act);

// The name of a status code in gRPC's spelling: "FAILED_PRECONDITION".
std::string CodeName(absl::StatusCode code);

}  // namespace capbroker
