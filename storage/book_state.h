// The part of a book row that only the program reads, as one JSON text.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "storage/ledger.h"

namespace capbroker {

// Balances, waiver uses, cool-downs and aggregates; "{}" if there are none. The same rows give the
// same text.
std::string EncodeBookState(const BookRow& row);
// Fills them in. DATA_LOSS if the text is not of EncodeBookState's making.
absl::Status DecodeBookState(std::string_view text, BookRow& row);

}  // namespace capbroker
