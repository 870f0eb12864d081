// Names that fields had before: what was written with them is still read. The one list of them.
#pragma once

#include <span>
#include <string_view>

namespace capbroker {

// `old` is as people wrote it, from the clause or the request on: "scope.classes", "partial.min".
// Where several rows have one old name, the one is meant whose name the record has.
struct Alias {
  std::string_view old, name;
  // Of a flag that was a choice between two words: what was written for yes and for no.
  std::string_view yes{}, no{};
};
std::span<const Alias> Aliases();

}  // namespace capbroker
