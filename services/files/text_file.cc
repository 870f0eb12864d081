#include "services/files/text_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {

absl::StatusOr<std::string> ReadTextFile(std::string_view option, const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in && in.peek() != std::ifstream::traits_type::eof()) text << in.rdbuf();
  if (in.bad() || !in.is_open()) {
    return Invalid(option, path, Cat("a file that can be read: ", std::strerror(errno)));
  }
  return text.str();
}

absl::Status ReplaceTextFile(std::string_view option, const std::string& path,
                             std::string_view text) {
  const std::string unfinished = path + ".part";
  std::ofstream file(unfinished, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file.fail() && std::rename(unfinished.c_str(), path.c_str()) == 0) return absl::OkStatus();
  const int error = errno;
  std::remove(unfinished.c_str());
  return Invalid(option, path, Cat("a file that can be written: ", std::strerror(error)));
}

}  // namespace capbroker
