// Checks of a batch that every ledger makes before it looks at its own content.
#pragma once

#include <string>

#include "storage/interned_names.h"
#include "storage/ledger.h"

namespace capbroker {

// Why no ledger may accept this batch; empty if there is no reason. Fences that are missing,
// duplicate, out of order or unknown; a row whose partition has no fence; a sequence, a count or an
// offer's number that is zero; a negative accepted quantity, or an allocation of nothing.
std::string FlawOf(const Batch& batch, InternedNames& names);

}  // namespace capbroker
