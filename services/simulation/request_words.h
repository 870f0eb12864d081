// How a story says what is asked for, and on which terms.
#pragma once

#include <functional>
#include <vector>

#include "broker/values/request.h"
#include "services/simulation/words.h"

namespace capbroker {

// What is written, to be done to a request or to terms: an amendment and a counter say only what
// they change.
using Edit = std::function<void(Request&)>;
using TermsEdit = std::function<void(Terms&)>;

// Takes one field of terms, if the next word names one: quantity, resource, in, unit, from, to,
// price, availability, condition, drop.
bool ReadTermsWord(WordReader& words, std::vector<TermsEdit>& out);

// Whether a field of a request begins with this word.
bool IsRequestWord(std::string_view word);

// Takes everything up to the end as a request's fields, but `as NAME`, which goes to `name`; `of
// NAME` likewise, where `of` is not null.
void ReadRequestWords(WordReader& words, std::vector<Edit>& out, std::string* name,
                      std::string* of);

// Applies the edits in order, and fills in what follows from others: a single segment has the whole
// quantity, a request is needed when it starts and expires when it is needed, an alternative may
// think for an hour.
void Apply(const std::vector<Edit>& edits, Request& request);

}  // namespace capbroker
