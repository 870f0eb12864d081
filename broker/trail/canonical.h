// The one text form of what is recorded: canonical JSON (RFC 8785), so that the same act has the
// same bytes, and hash, on every machine. Defaults (0, false, "", empty lists, unset values) are
// left out.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "broker/trail/decision.h"

namespace capbroker {

std::string Encode(const Act& act);
std::string Encode(const Decision& decision);
std::string Encode(const Request& request);
std::string Encode(const Terms& terms);
std::string Encode(const AgreementVersion& version);
std::string Encode(const Provider& provider);

// DATA_LOSS if the text is not the canonical form of an act: the field and what was got.
absl::StatusOr<Act> DecodeAct(std::string_view text);

// What an acceptance names: SHA-256 of the terms' canonical form.
Hash HashTerms(const Terms& terms);

// The link of an owner's chain: SHA-256 of the hash before it (32 zero bytes before the first) and
// the act's text.
Hash Chain(const Hash& previous, std::string_view act);

}  // namespace capbroker
