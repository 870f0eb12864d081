// R9: which alternative is asked next, at which price, and why the others are not.
#pragma once

#include <optional>
#include <vector>

#include "broker/trail/book.h"
#include "broker/values/provider.h"
#include "broker/values/request.h"

namespace capbroker {

// An alternative in the order it would be asked. `skip` says why it is passed over, if it is.
struct Alternative {
  ProviderId provider{};
  Money unit_price{};
  Span window{};  // To answer in.
  std::optional<Passed> skip{};
};

// The alternatives that this lineage has neither asked nor passed over, in rank order, judged at
// `now`. Reasons: SUSPENDED, UNHEALTHY (R23), NOT_OFFERED (does not sell this resource there),
// PRICE_CAP, FLOOR (R7: a counter was better), COOL_DOWN, WITHDREW (what it had placed for this
// request), ALREADY_ASKED (on these terms, it or an affiliate), TOO_LATE (its window does not fit
// before the request expires).
std::vector<Alternative> NextAlternatives(const RequestBook& book, const Lineage& lineage,
                                          const Account& account, const Directory& directory,
                                          Instant now);

// R15. Whether the provider gave units of this lineage back after it had confirmed them.
bool GaveBack(const RequestBook& book, const Lineage& lineage, const ProviderId& provider);

// No offer above it: the request's cap, or else the price it names.
Money PriceCapOf(const Request& request);
// R13. Whether any version of the request since the offer's allows the price: a lower cap undoes
// nothing that was accepted, a higher one counts for what was out.
bool IsWithinCap(const RequestBook& book, const Offer& offer, const Money& unit_price);

// The smallest part of a lot that may be accepted, in which steps (R6). {0, 0}: all or nothing.
struct Parts {
  int64_t min_quantity = 0;
  int64_t step = 0;
};
// `right` is null for an alternative.
Parts PartsOf(const Request& request, int64_t lot, const Clause* right);

}  // namespace capbroker
