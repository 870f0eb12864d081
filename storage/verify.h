// Verification of an owner's trail: the hash chain, the text of every act, and every projection
// row.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/ledger.h"

namespace capbroker {

struct Verification {
  uint64_t acts = 0, decisions = 0, requests = 0, offers = 0;  // Counts of what was checked.
  Hash head{};                                                 // Of the chain, as recomputed.
  uint64_t unsettled = 0;  // Requests that changed meanwhile, whose rows were not compared.
  std::vector<std::string> findings;  // With sequence numbers; empty: no fault was found.
};

// Reads the owner's whole trail in order and checks that sequence numbers have no gaps, times never
// run back, each text is canonical and linked by its hash to the previous one, and the columns
// agree with the text. Folds it, and compares requests, offers and the book with their rows. May
// run while the broker writes.
//
// Only read errors (UNAVAILABLE) are a status; faults in the content are findings. An owner without
// a trail has none.
absl::StatusOr<Verification> VerifyOwner(Ledger& ledger, const OwnerId& owner);

}  // namespace capbroker
