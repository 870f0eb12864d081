// Whether what a ledger holds of an owner is what was decided: the chain, the acts' text, and every
// row beside them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/ledger.h"

namespace capbroker {

struct Verification {
  uint64_t acts = 0, decisions = 0, requests = 0, offers = 0;  // Looked at.
  Hash head{};                                                 // The chain's, as recomputed.
  uint64_t unsettled = 0;  // Requests that changed meanwhile, whose rows were not compared.
  std::vector<std::string>
      findings;  // In words, with sequence numbers; empty: all is as it was written.
};

// Reads the whole trail of the owner, in order: sequence numbers without gaps, times that never run
// back, each text canonical and linked by its hash to the one before, columns that say what the
// text says; folds it, and compares the requests, offers and the book with their rows. May run
// while the broker writes.
//
// Only errors of reading (UNAVAILABLE) are a status; what is wrong with the content is a finding.
// An owner without a trail has none.
absl::StatusOr<Verification> VerifyOwner(Ledger& ledger, const OwnerId& owner);

}  // namespace capbroker
