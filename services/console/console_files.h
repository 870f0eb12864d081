// Files of the console's page, embedded in the binary.
#pragma once

#include <string_view>
#include <vector>

namespace capbroker {

struct ConsoleFile {
  std::string_view name;  // "now.js".
  std::string_view text;
};

// Generated from services/console/page by embed.cmake.
const std::vector<ConsoleFile>& ConsoleFiles();

}  // namespace capbroker
