// Which build this is.
#pragma once

#include <string_view>

namespace capbroker {

// What git called the source when it was built ("v0.1.0-12-g3e0419e-dirty"), or the project's
// version where there was no git.
std::string_view Version();

}  // namespace capbroker
