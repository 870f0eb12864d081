#include "services/workload/desk_script.h"

#include <algorithm>
#include <optional>

#include "broker/values/names.h"
#include "broker/values/terms.h"
#include "broker/values/text.h"
#include "services/notation/parse.h"

namespace capbroker {

const char kScriptHelp[] =
    "steps between ';', each an action, its probability, then how long it takes:\n"
    "  accept | decline REASON | partial SHARE% | partial QUANTITY | silent | slow\n"
    "  [PROBABILITY] [after LENGTH | after LENGTH..LENGTH] [cool-down LENGTH]\n"
    "PROBABILITY is 0 to 1; one step may leave it out and gets the rest. LENGTH is written 50ms, "
    "1.5s, 20m, "
    "72h or 1d12h.\n"
    "REASON is NO_CAPACITY, PRICE, TIMING, TERMS, POLICY or OTHER. slow is accept after 5s..30s.\n"
    "Example: accept 0.7 after 50ms..2s; decline NO_CAPACITY 0.2 cool-down 1h; partial 50% 0.05; "
    "silent 0.05";

namespace {

constexpr int64_t kMillion = 1'000'000;

struct Word {
  std::string_view text;
  size_t column = 0;  // From 1, in the whole script.
};

absl::Status Wrong(size_t column, std::string_view got, std::string_view want) {
  return absl::InvalidArgumentError(Cat("script, column ", column, ": got ",
                                        got.empty() ? std::string("nothing") : Cat("'", got, "'"),
                                        ", want ", want));
}

std::vector<Word> WordsOf(std::string_view step, size_t column) {
  std::vector<Word> words;
  for (size_t at = 0; at < step.size();) {
    if (step[at] == ' ' || step[at] == '\t' || step[at] == '\n') {
      ++at;
      continue;
    }
    const size_t end = std::min(step.find_first_of(" \t\n", at), step.size());
    words.push_back({step.substr(at, end - at), column + at});
    at = end;
  }
  return words;
}

// Reads "5000" or "50%" into a kPartial step.
bool ParseAmount(std::string_view text, DeskStep& step) {
  if (!text.empty() && text.back() == '%') {
    const auto share = ParseShare(text);
    step.share_ppm = share.ok() ? *share : 0;
    return step.share_ppm > 0;
  }
  step.quantity = ParseNumber<int64_t>(text).value_or(0);
  return step.quantity > 0 && step.quantity <= kMostQuantity;
}

// Parses one step; `words` is not empty. The probability is -1 if it was left out.
absl::StatusOr<DeskStep> ParseStep(const std::vector<Word>& words, size_t end_column) {
  size_t at = 0;
  const auto next = [&] { return at < words.size() ? words[at++] : Word{"", end_column}; };
  DeskStep step;
  step.probability_ppm = -1;
  const Word action = next();
  if (action.text == "accept") {
    step.action = DeskStep::Action::kAccept;
  } else if (action.text == "slow") {
    step.latency_from = Seconds(5);
    step.latency_to = Seconds(30);
  } else if (action.text == "silent") {
    step.action = DeskStep::Action::kSilent;
  } else if (action.text == "decline") {
    step.action = DeskStep::Action::kDecline;
    const Word reason = next();
    const auto value = ValueOf<DeclineReason>(reason.text);
    if (!value || *value == DeclineReason::kNone) {
      return Wrong(reason.column, reason.text,
                   "a reason: NO_CAPACITY, PRICE, TIMING, TERMS, POLICY or OTHER");
    }
    step.reason = *value;
  } else if (action.text == "partial") {
    step.action = DeskStep::Action::kPartial;
    const Word amount = next();
    if (!ParseAmount(amount.text, step)) {
      return Wrong(amount.column, amount.text,
                   "a quantity of 1 or more, or a share over 0% to 100%");
    }
  } else {
    return Wrong(action.column, action.text, "accept, decline, partial, silent or slow");
  }
  while (at < words.size()) {
    const Word word = next();
    if (word.text == "after") {
      const Word length = next();
      const size_t dots = length.text.find("..");
      const auto from = ParseDuration(length.text.substr(0, dots));
      const auto to =
          dots == std::string_view::npos ? from : ParseDuration(length.text.substr(dots + 2));
      if (!from.ok() || !to.ok() || *to < *from) {
        return Wrong(length.column, length.text,
                     "a length such as 50ms, or a range of them such as 50ms..2s");
      }
      step.latency_from = *from;
      step.latency_to = *to;
    } else if (word.text == "cool-down" && step.action == DeskStep::Action::kDecline) {
      const Word length = next();
      const auto value = ParseDuration(length.text);
      if (!value.ok()) return Wrong(length.column, length.text, "a length such as 1h");
      step.cool_down = *value;
    } else if (step.probability_ppm < 0) {
      const auto probability = ParseShare(word.text);
      if (!probability.ok())
        return Wrong(word.column, word.text,
                     "a probability from 0 to 1, after, or (decline) cool-down");
      step.probability_ppm = *probability;
    } else {
      return Wrong(word.column, word.text, "after, (decline) cool-down, or ';'");
    }
  }
  return step;
}

}  // namespace

absl::StatusOr<DeskScript> ParseScript(std::string_view text) {
  DeskScript script;
  DeskStep* rest = nullptr;
  int64_t sum = 0;
  size_t column = 1;
  for (std::string_view part : Split(text, ';')) {
    const std::vector<Word> words = WordsOf(part, column);
    column += part.size() + 1;
    if (words.empty())
      return Wrong(column - 1, "", "a step: accept, decline, partial, silent or slow");
    absl::StatusOr<DeskStep> step = ParseStep(words, column - 1);
    if (!step.ok()) return step.status();
    if (step->probability_ppm < 0) {
      for (const DeskStep& other : script.steps) {
        if (other.probability_ppm < 0) {
          return Wrong(words[0].column, words[0].text,
                       "a probability here: one step may leave it out, and one did");
        }
      }
    } else {
      sum += step->probability_ppm;
    }
    script.steps.push_back(*step);
  }
  for (DeskStep& step : script.steps) {
    if (step.probability_ppm < 0) rest = &step;
  }
  if (sum > kMillion || (rest == nullptr && sum != kMillion)) {
    return absl::InvalidArgumentError(
        Cat("script: the probabilities add up to ", sum,
            " millionths, want 1000000, or less with one step left out"));
  }
  if (rest != nullptr) rest->probability_ppm = kMillion - sum;
  return script;
}

absl::StatusOr<DeskScript> ParseAlways(std::string_view text) {
  DeskStep step;
  step.probability_ppm = kMillion;
  const std::string_view partial = "partial:";
  if (text == "decline") {
    step.action = DeskStep::Action::kDecline;
    step.reason = DeclineReason::kNoCapacity;
  } else if (text == "silent") {
    step.action = DeskStep::Action::kSilent;
  } else if (text == "slow") {
    step.latency_from = Seconds(5);
    step.latency_to = Seconds(30);
  } else if (text.substr(0, partial.size()) == partial) {
    step.action = DeskStep::Action::kPartial;
    if (!ParseAmount(text.substr(partial.size()), step)) {
      return absl::InvalidArgumentError(
          Cat("always: got '", text, "', want partial:QUANTITY or partial:SHARE%"));
    }
  } else if (text != "accept") {
    return absl::InvalidArgumentError(
        Cat("always: got '", text,
            "', want accept, decline, silent, slow, partial:QUANTITY or partial:SHARE%"));
  }
  return DeskScript{{step}};
}

StepSampler::Draw StepSampler::Next() {
  // Both numbers are drawn for every offer, so that one step's use of them does not shift later
  // draws.
  int64_t point = static_cast<int64_t>(generator_() % kMillion);
  const uint64_t where = generator_();
  const DeskStep* chosen = &script_.steps.back();
  for (const DeskStep& step : script_.steps) {
    if (point < step.probability_ppm) {
      chosen = &step;
      break;
    }
    point -= step.probability_ppm;
  }
  const uint64_t width =
      static_cast<uint64_t>(chosen->latency_to.micros - chosen->latency_from.micros) + 1;
  return {*chosen, chosen->latency_from + Span{static_cast<int64_t>(where % width)}};
}

}  // namespace capbroker
