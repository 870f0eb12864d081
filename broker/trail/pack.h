// A request as bytes: a quarter of what it takes as values. For memory alone: nothing that is
// written or sent is like this.
#pragma once

#include <memory>

#include "broker/trail/book.h"

namespace capbroker {

PackedRequest Pack(const RequestBook& request);
// What was packed.
std::shared_ptr<const RequestBook> Unpack(const PackedRequest& packed);

}  // namespace capbroker
