// The words of a scenario file, each with the line it stands on, and a reader that takes them one
// by one.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/values/money.h"
#include "broker/values/time.h"
#include "broker/values/window.h"

namespace capbroker {

struct Word {
  std::string text{};
  int line = 0;         // From 1.
  bool quoted = false;  // Written in double quotes: never a keyword.
};

// Words stand between blanks; one in double quotes may hold blanks, \" and \\. A ';' that stands
// alone or ends a word is a word of its own, and '#' at a word's beginning ends the line.
//
// INVALID_ARGUMENT "FILE:LINE: ..." where a quotation is not closed.
absl::StatusOr<std::vector<Word>> SplitWords(std::string_view file, int line,
                                             std::string_view text);

// INVALID_ARGUMENT "FILE:LINE: got "...", want ...".
absl::Status Misread(std::string_view file, int line, std::string_view got, std::string_view want);

// Takes words in order. The first error stays, and from then on everything reads as empty.
class WordReader {
 public:
  // `line` is where the end is, for an error about a word that is missing.
  WordReader(std::string file, std::vector<Word> words, int line)
      : file_(std::move(file)), words_(std::move(words)), line_(line) {}

  const std::string& file() const { return file_; }
  const absl::Status& status() const { return status_; }
  bool ok() const { return status_.ok(); }
  // Nothing is left, or nothing may be read any more.
  bool done() const { return !ok() || at_ == words_.size(); }
  int line() const { return at_ < words_.size() ? words_[at_].line : line_; }
  // The next word; empty at the end, or where it is quoted.
  std::string_view Peek(size_t ahead = 0) const;
  bool NextIsQuoted() const { return !done() && words_[at_].quoted; }

  // Takes the next word if it is this one.
  bool Skip(std::string_view word);
  // The next word; an error that names `want` at the end.
  std::string Take(std::string_view want);
  // The next word, through a parser whose error says "got ..., want ...".
  template <class Parse>
  auto Read(Parse parse, std::string_view want) ->
      typename decltype(parse(std::string_view()))::value_type {
    const int line = this->line();
    const std::string text = Take(want);
    if (!ok()) return {};
    auto value = parse(std::string_view(text));
    if (value.ok()) return *std::move(value);
    FailAt(line, value.status());
    return {};
  }
  Span ReadSpan(std::string_view want = "a length of time such as 3d or 36h");
  // A length of time, or "10 business days, until 16:00", with or without quotes.
  Window ReadWindow();
  Instant ReadInstant(std::string_view want = "an instant such as 2025-02-06T09:00:00Z");
  int64_t ReadQuantity(std::string_view want = "a whole number such as 8000 or 8,000");
  uint32_t ReadNumber(std::string_view want);
  Money ReadMoney(std::string_view want = "an amount such as 2.5 USD");  // Two words.
  // "a, b, c" or "a,b,c".
  std::vector<std::string> ReadList(std::string_view want);

  // Says that the next word is not what it should be.
  void Fail(std::string_view want);
  void FailAt(int line, const absl::Status& status);

 private:
  const std::string file_;
  const std::vector<Word> words_;
  const int line_;
  size_t at_ = 0;
  absl::Status status_;
};

// For Read: a name as providers, owners and agreements have.
absl::StatusOr<std::string> ReadName(std::string_view text);
// For Read: one of an enum's names, or an error that lists them.
absl::Status NoSuchName(std::string_view got, const std::vector<std::string_view>& names);

}  // namespace capbroker
