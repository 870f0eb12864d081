// What must hold of every book after every act, whatever happened (DESIGN: invariants 1 to 6 and
// 8).
#pragma once

#include <string>
#include <vector>

#include "broker/trail/book.h"

namespace capbroker {

// In words, each beginning with its number; empty if all hold.
std::vector<std::string> BrokenInvariants(const RequestBook& request);
std::vector<std::string> BrokenInvariants(const Account& account);
// Those of the account and of every request at hand, and that every deadline is on the list.
std::vector<std::string> BrokenInvariants(const Book& book);

}  // namespace capbroker
