// Parser of a story's acts: text to functions that make commands.
#pragma once

#include <string>
#include <vector>

#include "services/simulation/request_words.h"
#include "services/simulation/story.h"
#include "services/simulation/words.h"

namespace capbroker {

// Reads an act to its end, such as "azure accepts 5000 offer 1". `defaults` are the fields of every
// request of the story.
MakeCommand ReadAct(WordReader& words, const std::vector<Edit>& defaults,
                    const LoadAgreementVersion& load);

// Reads `given agreement FILE ...`, and what the operator records when it activates one.
MakeCommand ReadActivation(WordReader& words, const LoadAgreementVersion& load);

// Reads a provider's attributes to the end. `suspended` and `unhealthy` are not part of its
// registration; the commands for them are added to `after`.
MakeCommand ReadProvider(WordReader& words, bool known, std::vector<MakeCommand>* after);

}  // namespace capbroker
