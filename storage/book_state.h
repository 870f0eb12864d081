// The part of a book row that only the program reads, encoded as one JSON text.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "storage/ledger.h"

namespace capbroker {

// Balances, waiver uses, cool-downs and aggregates; "{}" if there are none. Equal rows have equal
// texts.
std::string EncodeBookState(const BookRow& row);
// Decodes the text into `row`. DATA_LOSS if EncodeBookState did not write it.
absl::Status DecodeBookState(std::string_view text, BookRow& row);

}  // namespace capbroker
