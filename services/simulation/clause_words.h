// What a story changes about an agreement before it is recorded: single fields, by the names that
// agreement files have for them.
#pragma once

#include "broker/agreements/agreement.h"
#include "services/simulation/words.h"

namespace capbroker {

// Everything up to the end, or to the next word that belongs to no clause:
//   C2.window 5d        C2.scope.purposes RESEARCH, TRAINING        C2.open_offers_at_end VOID
//   clause C9 WAIVER    a new one, its fields set by what follows
//   calendar office Europe/Berlin mon-fri 09:00-17:00 holidays 2025-12-25, 2025-12-26
//   effective_from 2025-02-01                version 3              no C3
void ReadAgreementWords(WordReader& words, AgreementVersion& version);

// Takes one field of a clause: false, and nothing is taken, if the next word names none.
bool ReadClauseWord(WordReader& words, const std::string& field, Clause& clause);

}  // namespace capbroker
