// The acts of a story, read into what makes their commands.
#pragma once

#include <string>
#include <vector>

#include "services/simulation/request_words.h"
#include "services/simulation/story.h"
#include "services/simulation/words.h"

namespace capbroker {

// Reads "azure accepts 5000 offer 1": who, what, and the facts, up to the end. `defaults` are the
// fields that every request of the story starts from.
MakeCommand ReadAct(WordReader& words, const std::vector<Edit>& defaults,
                    const LoadAgreementVersion& load);

// `given agreement FILE ...`, and what the operator records when it activates one.
MakeCommand ReadActivation(WordReader& words, const LoadAgreementVersion& load);

// A provider's particulars, from its name to the end. `suspended` and `unhealthy` are no part of
// registering it; what says so is added to `after`.
MakeCommand ReadProvider(WordReader& words, bool known, std::vector<MakeCommand>* after);

}  // namespace capbroker
