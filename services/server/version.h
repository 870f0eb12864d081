// Version of this build.
#pragma once

#include <string_view>

namespace capbroker {

// What `git describe` said when the program was built ("v0.1.0-12-g3e0419e-dirty"), or the
// project's version without git.
std::string_view Version();

}  // namespace capbroker
