// The sole way state changes: by folding decisions into it. Total and without policy: what a
// decision says is done, or, where it cannot be, the fold says so and nothing has changed.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/trail/book.h"
#include "broker/trail/decision.h"

namespace capbroker {

// One decision of an act at `time` about this request. Kinds that are not about a request change
// nothing.
//
// DATA_LOSS  the decision names a lineage, an offer or a right that is not there, or moves units
// that
//            are not where it says (R30). The request is as it was.
absl::Status Fold(RequestBook& request, const Decision& decision, Instant time);

// The part of a decision at `time` that touches the owner's account: agreements, waivers, triggers,
// balances, cool-downs.
void Fold(Account& account, const Decision& decision, Instant time);
bool TouchesAccount(const Decision& decision);

// A whole act: requests, account, directory, deadlines, and the book's sequence and time. The
// chain's head is moved by whoever has the act's text (Chain). The act is the owner's next, or one
// about a request that is being put back. `request` is the act's request as its decisions leave it,
// where that was folded already (Verdict::request); null: it is folded here. DATA_LOSS as above.
absl::Status Fold(Book& book, const Act& act, std::shared_ptr<const RequestBook> request = nullptr);

// A request alone, from its own acts in order: what is shown of it at any time after. DATA_LOSS as
// above.
absl::StatusOr<RequestBook> FoldRequest(const std::vector<Act>& acts);

// Recovery: a book whose balances are known (a BookRow) folds the acts about its agreements, then
// gets the balances, and its unfinished requests by Put.

// Puts back an account as it was before.
void Put(Book& book, Account account);
// Puts a request that was folded elsewhere into the book, or takes a finished one out.
void Put(Book& book, std::shared_ptr<const RequestBook> request);
// Leaves what is due of the request, or with an unset id of the account, alone until then: until
// the next act about it lists it anew.
void PutOff(Book& book, const RequestId& id, Instant until);
void Forget(Book& book, const RequestId& id);

}  // namespace capbroker
