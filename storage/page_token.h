// Page tokens: typed positions in a list, opaque to callers.
//
// A token is bound to its list, which includes filter and order, and to the process that made it: a
// token of another list or process, or one that was made by hand, is refused. It is not secret.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "storage/ledger.h"

namespace capbroker {

// The last row of a page. The next page begins after it in the list's order (newest first), so that
// rows added in the meantime neither shift nor repeat anything.
struct RowPosition {
  RequestId request;
  uint32_t offer = 0;
  OwnerId owner;
};

// The list of a filter.
std::string ListName(const RequestFilter& filter);
std::string ListName(const OfferFilter& filter);

std::string RowToken(std::string_view list, const RowPosition& last);
std::string NumberToken(std::string_view list, uint64_t number);
std::string NameToken(std::string_view list, std::string_view name);

// Each returns INVALID_ARGUMENT naming page_token if the token is not one of its own kind from this
// list, or is out of range. An empty token is the beginning of the list: a position past every row,
// the number 0, or an empty name.
absl::StatusOr<RowPosition> ParseRowToken(std::string_view list, const std::string& token);
absl::StatusOr<uint64_t> ParseNumberToken(std::string_view list, const std::string& token,
                                          uint64_t most = INT64_MAX);
absl::StatusOr<std::string> ParseNameToken(std::string_view list, const std::string& token);

// The number of rows of a page: what was asked for, limited to 1 to 1000.
uint32_t PageSize(uint32_t asked);

}  // namespace capbroker
