// Notation of requests and terms in stories.
#pragma once

#include <functional>
#include <vector>

#include "broker/values/request.h"
#include "services/simulation/words.h"

namespace capbroker {

// A change of a request or of terms: an amendment or a counter gives only changes.
using Edit = std::function<void(Request&)>;
using TermsEdit = std::function<void(Terms&)>;

// Reads one field of terms if the next word names one: quantity, resource, in, unit, from, to,
// price, availability, condition, drop.
bool ReadTermsWord(WordReader& words, std::vector<TermsEdit>& out);

// Whether the word begins a field of a request.
bool IsRequestWord(std::string_view word);

// Reads a request's fields to the end, but for `as NAME` (to `name`) and, if `of` is not null, `of
// NAME`.
void ReadRequestWords(WordReader& words, std::vector<Edit>& out, std::string* name,
                      std::string* of);

// Applies the edits in order, and sets defaults: a single segment has the whole quantity, a request
// is needed at its start and expires when it is needed, an alternative has an hour to answer.
void Apply(const std::vector<Edit>& edits, Request& request);

}  // namespace capbroker
