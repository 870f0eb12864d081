// Page tokens: where a list goes on. Opaque to callers; one that is not ours, or is another list's,
// is refused.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "storage/ledger.h"

namespace capbroker {

// The last row of a page. The next one holds what comes after it in the list's order (newest
// first), so that rows that arrive meanwhile neither shift nor repeat anything.
struct Cursor {
  RequestId request;
  uint32_t offer = 0;
  OwnerId owner;
};

// What a token is good for, as text: which list, and its filter.
std::string ListName(const RequestFilter& filter);
std::string ListName(const OfferFilter& filter);

std::string MakeToken(const std::string& list, const Cursor& last);
// INVALID_ARGUMENT naming page_token if it is not a token of this list. An empty one is the list's
// beginning, which lies past every row: all bits set.
absl::StatusOr<Cursor> ParseToken(const std::string& list, const std::string& token);

// How many rows a page may have: what is asked, from 1 to 1000.
uint32_t PageSize(uint32_t asked);

}  // namespace capbroker
