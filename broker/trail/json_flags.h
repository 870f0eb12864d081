// How JSON that others may have written is parsed.
#pragma once

#include <rapidjson/reader.h>

namespace capbroker {

// Iteratively: the recursive parser of a text with enough opening brackets exhausts the stack.
inline constexpr unsigned kJsonFlags =
    rapidjson::kParseValidateEncodingFlag | rapidjson::kParseIterativeFlag;

}  // namespace capbroker
