// Principals file: the callers and the hashes of their tokens.
//
//     - {role: owner, name: openai, token_sha256: 3a7b...}   # printf %s "$token" | sha256sum
//     - {role: operator, name: ada, token_sha256: 90fe...,
//        expire_time: 2027-01-01T00:00:00Z}
//
// A caller may have several tokens, so that one can be replaced while both are valid. A token is
// valid before its expire_time; without one, until it is removed.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/access/principal.h"

namespace capbroker {

// INVALID_ARGUMENT on one line, with file, line and field: "principals.yaml:3: token_sha256: got
// ..., want ...".
absl::StatusOr<TokenTable> ReadPrincipals(const std::string& file);
// Parses the text of a file; `file` is for errors.
absl::StatusOr<TokenTable> ParsePrincipals(const std::string& text, const std::string& file);

}  // namespace capbroker
