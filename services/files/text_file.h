// Text files, read whole and written whole.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace capbroker {

// The file's text. `option` names the path in the error, such as "--token-file" or "FILE".
//
// INVALID_ARGUMENT  the file cannot be read, or is a directory.
absl::StatusOr<std::string> ReadTextFile(std::string_view option, const std::string& path);

// Writes `text` to a temporary file beside `path` and renames it: a reader sees the file whole or
// not at all.
//
// INVALID_ARGUMENT  the file cannot be written.
absl::Status ReplaceTextFile(std::string_view option, const std::string& path,
                             std::string_view text);

}  // namespace capbroker
