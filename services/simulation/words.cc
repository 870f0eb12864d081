#include "services/simulation/words.h"

#include "broker/values/ids.h"
#include "broker/values/text.h"
#include "services/notation/parse.h"

namespace capbroker {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

absl::Status At(std::string_view file, int line, std::string_view problem) {
  return absl::InvalidArgumentError(Cat(file, ":", line, ": ", problem));
}

}  // namespace

absl::Status Misread(std::string_view file, int line, std::string_view got, std::string_view want) {
  return At(file, line,
            got.empty() ? Cat("got nothing, want ", want) : Cat("got \"", got, "\", want ", want));
}

absl::StatusOr<std::vector<Word>> SplitWords(std::string_view file, int line,
                                             std::string_view text) {
  std::vector<Word> words;
  for (size_t at = 0; at < text.size();) {
    if (IsBlank(text[at])) {
      ++at;
      continue;
    }
    if (text[at] == '#') break;
    Word word{.line = line};
    if (text[at] == '"') {
      word.quoted = true;
      for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\' && at + 1 < text.size()) ++at;
        word.text += text[at];
      }
      if (at == text.size()) return At(file, line, "a quotation is not closed, want \" after it");
      ++at;
    } else {
      while (at < text.size() && !IsBlank(text[at])) word.text += text[at++];
      if (word.text.size() > 1 && word.text.ends_with(';')) {
        word.text.pop_back();
        words.push_back(std::move(word));
        word = {.text = ";", .line = line};
      }
    }
    words.push_back(std::move(word));
  }
  return words;
}

std::string_view WordReader::Peek(size_t ahead) const {
  if (!ok() || at_ + ahead >= words_.size() || words_[at_ + ahead].quoted) return {};
  return words_[at_ + ahead].text;
}

bool WordReader::Skip(std::string_view word) {
  if (Peek() != word) return false;
  ++at_;
  return true;
}

std::string WordReader::Take(std::string_view want) {
  if (done()) {
    if (ok()) status_ = Misread(file_, line_, "", want);
    return {};
  }
  return words_[at_++].text;
}

Span WordReader::ReadSpan(std::string_view want) { return Read(ParseDuration, want); }

std::string WordReader::TakeLength() {
  constexpr std::string_view kWant = "a length of time, or 10 business days, until 16:00";
  std::string text = Take(kWant);
  if (Peek() != "business") return text;
  for (bool more = true; more && ok();) {  // To "days", or to what is after "until".
    const std::string word = Take(kWant);
    more = word == "business" || word.ends_with(',') || word == "until";
    text += Cat(" ", word);
  }
  return text;
}

Instant WordReader::ReadInstant(std::string_view want) {
  return Read(
      [&](std::string_view text) -> absl::StatusOr<Instant> {
        // A story must mean the same every day, so "+3d" from the present is not allowed.
        if (text.starts_with('+'))
          return absl::InvalidArgumentError(Cat("got \"", text, "\", want ", want));
        return ParseWhen(text, Instant{});
      },
      want);
}

int64_t WordReader::ReadQuantity(std::string_view want) { return Read(ParseQuantity, want); }

uint32_t WordReader::ReadNumber(std::string_view want) {
  return Read(
      [&](std::string_view text) -> absl::StatusOr<uint32_t> {
        const auto number = ParseNumber<uint32_t>(text);
        if (number && *number > 0) return *number;
        return absl::InvalidArgumentError(Cat("got \"", text, "\", want ", want));
      },
      want);
}

std::string WordReader::TakeAmount(std::string_view want) {
  std::string text = Take(want);
  if (ok() && text.find(' ') == std::string::npos) text += Cat(" ", Take(want));
  return text;
}

Money WordReader::ReadMoney(std::string_view want) {
  const int line = this->line();
  const std::string text = TakeAmount(want);
  if (!ok()) return {};
  absl::StatusOr<Money> money = ParseAmount(text);
  if (money.ok()) return *money;
  FailAt(line, money.status());
  return {};
}

std::vector<std::string> WordReader::ReadList(std::string_view want) {
  std::vector<std::string> out;
  for (bool more = true; more && ok();) {
    const std::string text = Take(want);
    more = text.ends_with(',');
    for (std::string_view item : Split(text, ',')) {
      if (!item.empty()) out.emplace_back(item);
    }
  }
  return out;
}

void WordReader::Fail(std::string_view want) {
  if (!ok()) return;
  status_ = Misread(file_, line(), at_ < words_.size() ? words_[at_].text : "", want);
}

void WordReader::FailAt(int line, const absl::Status& status) {
  if (ok() && !status.ok()) status_ = At(file_, line, View(status.message()));
}

absl::StatusOr<std::string> ReadName(std::string_view text) {
  if (IsName(text)) return std::string(text);
  return absl::InvalidArgumentError(
      Cat("got \"", text, "\", want a name: a-z, 0-9 and '-', beginning with a letter"));
}

}  // namespace capbroker
