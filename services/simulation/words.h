// Tokenizer of scenario files: words with their line, and a reader that consumes them one by one.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/values/money.h"
#include "broker/values/record.h"
#include "broker/values/time.h"
#include "broker/values/window.h"

namespace capbroker {

struct Word {
  std::string text{};
  int line = 0;         // From 1.
  bool quoted = false;  // In double quotes: never a keyword.
};

// Words are separated by spaces; a word in double quotes may contain spaces, \" and \\. A ';' alone
// or at the end of a word is its own word, and '#' at the beginning of a word ends the line.
//
// INVALID_ARGUMENT "FILE:LINE: ..." if a quotation is not closed.
absl::StatusOr<std::vector<Word>> SplitWords(std::string_view file, int line,
                                             std::string_view text);

// INVALID_ARGUMENT "FILE:LINE: got "...", want ...".
absl::Status Misread(std::string_view file, int line, std::string_view got, std::string_view want);

// Consumes words in order. The first error stays, and after it everything reads as empty.
class WordReader {
 public:
  // `line` is that of the end, for errors about missing words.
  WordReader(std::string file, std::vector<Word> words, int line)
      : file_(std::move(file)), words_(std::move(words)), line_(line) {}

  const std::string& file() const { return file_; }
  const absl::Status& status() const { return status_; }
  bool ok() const { return status_.ok(); }
  // True at the end, and after an error.
  bool done() const { return !ok() || at_ == words_.size(); }
  int line() const { return at_ < words_.size() ? words_[at_].line : line_; }
  // The next word; empty at the end, or if it is quoted.
  std::string_view Peek(size_t ahead = 0) const;
  bool NextIsQuoted() const { return !done() && words_[at_].quoted; }

  // Consumes the next word if it is this one.
  bool Skip(std::string_view word);
  // Consumes the next word; at the end, adds an error that names `want`.
  std::string Take(std::string_view want);
  // Parses the next word; an error of `parse` says "got ..., want ...".
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
  // "3d", or "10 business days, until 16:00" with or without quotes.
  std::string TakeLength();
  Instant ReadInstant(std::string_view want = "an instant such as 2025-02-06T09:00:00Z");
  int64_t ReadQuantity(std::string_view want = "a whole number such as 8000 or 8,000");
  uint32_t ReadNumber(std::string_view want);
  // Two words, or one in quotes.
  std::string TakeAmount(std::string_view want = "an amount such as 2.5 USD");
  Money ReadMoney(std::string_view want = "an amount such as 2.5 USD");
  // "a, b, c" or "a,b,c".
  std::vector<std::string> ReadList(std::string_view want);

  // Adds an error about the next word.
  void Fail(std::string_view want);
  void FailAt(int line, const absl::Status& status);

 private:
  const std::string file_;
  const std::vector<Word> words_;
  const int line_;
  size_t at_ = 0;
  absl::Status status_;
};

// For Read: a name of a provider, owner or agreement.
absl::StatusOr<std::string> ReadName(std::string_view text);

// The words that a value takes, by its type: a flag alone is "true", a list of any is empty.
template <class T>
std::vector<std::string> TakeTexts(WordReader& words) {
  if constexpr (std::is_same_v<T, bool>) {
    for (std::string_view word : {"yes", "no", "true", "false", "VOID", "RUN_OFF"}) {
      if (words.Skip(word)) return {std::string(word)};
    }
    return {"true"};
  } else if constexpr (std::is_same_v<T, Money>) {
    return {words.TakeAmount()};
  } else if constexpr (std::is_same_v<T, Window>) {
    return {words.TakeLength()};
  } else if constexpr (ListField<T>) {
    if (words.Skip("any")) return {};
    return words.ReadList("a list such as a, b, or any");
  } else {
    return {words.Take("a value")};
  }
}

}  // namespace capbroker
