// Stops the process when what must hold does not: to go on would record, or tell, what is wrong.
#pragma once

#include <cstdio>
#include <cstdlib>

#include "broker/values/text.h"

namespace capbroker {

// `found` says, in words, what was found instead; the parts are put together only when it does not
// hold.
template <class... Parts>
void Require(bool holds, const Parts&... found) {
  if (holds) [[likely]]
    return;
  std::fprintf(stderr, "capbroker: broken invariant: %s\n", Cat(found...).c_str());
  std::abort();
}

}  // namespace capbroker
