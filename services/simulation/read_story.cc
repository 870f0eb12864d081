// Parser of the layout of a scenario file: entries and their lines.
#include <optional>
#include <utility>

#include "broker/values/text.h"
#include "services/notation/parse.h"
#include "services/simulation/expect.h"
#include "services/simulation/read_act.h"
#include "services/simulation/story.h"

namespace capbroker {
namespace {

// A line of the file with the lines that continue it.
struct Entry {
  std::string keyword{};  // "story", "given", "when" or "then".
  int line = 0, last_line = 0;
  std::vector<Word> words{};            // Without the keyword.
  std::vector<std::string> comments{};  // Before it.
};

struct Background {
  std::optional<Instant> clock{};
  std::vector<Setting> settings{};
  std::vector<Edit> defaults{};
};

std::string_view Trimmed(std::string_view text) {
  const size_t from = text.find_first_not_of(" \t\r");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r") + 1 - from);
}

// Where a line's text ends and its comment begins: at a '#' that begins a word outside quotes.
size_t RemarkAt(std::string_view line) {
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && quoted) {
      ++i;
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (line[i] == '#' && !quoted && (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t')) {
      return i;
    }
  }
  return line.size();
}

class Reader {
 public:
  Reader(std::string_view file, std::string_view text, const LoadAgreementVersion& load)
      : load_(load) {
    scenario_.file = file;
    for (std::string_view line : Split(text, '\n')) scenario_.lines.emplace_back(line);
    if (scenario_.lines.back().empty()) scenario_.lines.pop_back();
  }

  absl::StatusOr<Scenario> Run() {
    for (size_t i = 0; i < scenario_.lines.size() && status_.ok(); ++i)
      ReadLine(static_cast<int>(i) + 1);
    Close();
    if (status_.ok() && scenario_.stories.empty()) {
      status_ = Misread(scenario_.file, static_cast<int>(scenario_.lines.size()) + 1, "",
                        "a line `story NAME`");
    }
    if (!status_.ok()) return status_;
    return std::move(scenario_);
  }

 private:
  void ReadLine(int number) {
    const std::string& line = scenario_.lines[static_cast<size_t>(number) - 1];
    const std::string_view trimmed = Trimmed(line);
    if (trimmed.empty() || trimmed.starts_with('#')) {
      if (!trimmed.empty()) comments_.emplace_back(line);
      return;
    }
    absl::StatusOr<std::vector<Word>> words = SplitWords(scenario_.file, number, line);
    if (!words.ok()) {
      status_ = words.status();
      return;
    }
    const bool continues = line[0] == ' ' || line[0] == '\t';
    const std::string first = words->front().quoted ? "" : words->front().text;
    const bool keyword = first == "story" || first == "given" || first == "when" || first == "then";
    if (!continues || keyword) {
      if (!keyword) {
        status_ = Misread(scenario_.file, number, first,
                          "a line that begins with story, given, when or then");
        return;
      }
      Close();
      if (!status_.ok()) return;
      entry_ = Entry{first, number, number, {words->begin() + 1, words->end()}, {}};
      if (first == "then") {
        words->erase(words->begin());
        entry_->words.clear();
      } else {
        comments_.clear();
        return;
      }
    }
    if (!entry_) {
      status_ = Misread(scenario_.file, number, first,
                        "a line that begins with story, given, when or then");
      return;
    }
    entry_->last_line = number;
    if (entry_->keyword == "then") {
      ReadThen(number, *std::move(words));
    } else {
      entry_->words.insert(entry_->words.end(), words->begin(), words->end());
    }
    comments_.clear();
  }

  // Parses the pending entry.
  void Close() {
    if (!entry_ || !status_.ok()) return;
    Entry entry = *std::move(entry_);
    entry_.reset();
    if (entry.keyword == "then") return;  // Parsed line by line.
    WordReader words(scenario_.file, entry.words, entry.last_line);
    if (entry.keyword == "story") {
      const std::string& line = scenario_.lines[static_cast<size_t>(entry.line) - 1];
      std::string name(
          Trimmed(Trimmed(std::string_view(line).substr(0, RemarkAt(line))).substr(5)));
      if (name.empty()) words.Fail("the story's name");
      scenario_.stories.push_back(
          {.name = std::move(name), .line = entry.line, .clock = {}, .settings = {}, .steps = {}});
      here_ = background_;
    } else if (entry.keyword == "given") {
      ReadGiven(words, entry.line);
    } else {
      ReadWhen(words, entry);
    }
    if (status_.ok()) status_ = words.status();
  }

  void ReadGiven(WordReader& words, int line) {
    Background& ground = scenario_.stories.empty() ? background_ : here_;
    if (!scenario_.stories.empty() && !scenario_.stories.back().steps.empty()) {
      words.FailAt(line, absl::InvalidArgumentError("got `given` after `when`, want it before"));
      return;
    }
    const auto set = [&](MakeCommand command) {
      ground.settings.push_back({line, std::move(command)});
    };
    if (words.Skip("clock")) {
      ground.clock = words.ReadInstant();
      if (!words.done()) words.Fail("the end");
    } else if (words.Skip("agreement")) {
      set(ReadActivation(words, load_));
    } else if (words.Skip("requests")) {
      ReadRequestWords(words, ground.defaults, nullptr, nullptr);
    } else if (words.Skip("providers")) {
      for (const std::string& name : words.ReadList("providers such as azure, coreweave")) {
        WordReader one(scenario_.file, {{name, line, false}}, line);
        set(ReadProvider(one, false, nullptr));
        words.FailAt(line, one.status());
      }
      if (!words.done()) words.Fail("the end");
    } else if (words.Skip("provider")) {
      std::vector<MakeCommand> after;
      set(ReadProvider(words, false, &after));
      for (MakeCommand& command : after) set(std::move(command));
    } else {
      words.Fail("clock, agreement, providers, provider or requests");
    }
    ApplyBackground();
  }

  void ApplyBackground() {
    if (scenario_.stories.empty()) return;
    Story& story = scenario_.stories.back();
    story.clock = here_.clock.value_or(Instant{});
    story.settings = here_.settings;
  }

  void ReadWhen(WordReader& words, const Entry& entry) {
    if (scenario_.stories.empty()) {
      words.FailAt(entry.line, absl::InvalidArgumentError(
                                   "got `when` before the first story, want `story NAME`"));
      return;
    }
    ApplyBackground();
    Story& story = scenario_.stories.back();
    if (!story.clock.IsSet()) {
      words.FailAt(entry.line,
                   absl::InvalidArgumentError(
                       "got `when` without a clock, want `given clock INSTANT` before"));
      return;
    }
    Step step{.line = entry.line, .last_line = entry.last_line};
    if (words.Peek() == "time" && words.Peek(1) == "passes") {
      words.Skip("time"), words.Skip("passes");
      if (words.Skip("until")) {
        step.until = words.ReadInstant();
      } else {
        step.after = words.ReadSpan("until INSTANT, or how long, such as 3d");
      }
    } else if (words.Peek() == "the" && words.Peek(1) == "deadline" && words.Peek(2) == "passes") {
      words.Skip("the"), words.Skip("deadline"), words.Skip("passes");
      step.to_next_deadline = true;
    } else if (words.Peek() == "the" && words.Peek(1) == "broker") {
      words.Skip("the"), words.Skip("broker");
      if (!words.Skip("is") || !words.Skip("away") || !words.Skip("from"))
        words.Fail("is away from INSTANT to INSTANT");
      step.away_from = words.ReadInstant();
      if (!words.Skip("to")) words.Fail("to INSTANT");
      step.away_to = words.ReadInstant();
    } else {
      WordReader act = WithoutTime(entry, step);
      step.command = ReadAct(act, here_.defaults, load_);
      if (act.ok() && !act.done()) act.Fail("the end");
      if (status_.ok()) status_ = act.status();
      story.steps.push_back(std::move(step));
      return;
    }
    if (!words.done()) words.Fail("the end");
    story.steps.push_back(std::move(step));
  }

  // Removes "after 10h" and "at 2025-02-06" from an act's words, wherever they are.
  WordReader WithoutTime(const Entry& entry, Step& step) {
    std::vector<Word> rest;
    const std::vector<Word>& words = entry.words;
    for (size_t i = 0; i < words.size(); ++i) {
      if (!words[i].quoted && i + 1 < words.size()) {
        const std::string& next = words[i + 1].text;
        if (const absl::StatusOr<Span> span = ParseDuration(next);
            words[i].text == "after" && span.ok()) {
          step.after = *span;
          ++i;
          continue;
        }
        const absl::StatusOr<Instant> t = ParseWhen(next, {});
        if (words[i].text == "at" && t.ok() && !next.starts_with('+')) {
          step.until = *t;
          ++i;
          continue;
        }
      }
      rest.push_back(words[i]);
    }
    return WordReader(scenario_.file, std::move(rest), entry.last_line);
  }

  void ReadThen(int number, std::vector<Word> words) {
    if (scenario_.stories.empty() || scenario_.stories.back().steps.empty()) {
      status_ = Misread(scenario_.file, number, "then", "`when` before it");
      return;
    }
    Step& step = scenario_.stories.back().steps.back();
    const std::string& line = scenario_.lines[static_cast<size_t>(number) - 1];
    const size_t remark = RemarkAt(line);
    std::string_view text = Trimmed(std::string_view(line).substr(0, remark));
    if (text.starts_with("then")) text = Trimmed(text.substr(4));
    if (step.then_first == 0) {
      step.then_first = number;
      comments_.clear();  // Comments before the block are not part of it.
    }
    step.then_last = number;
    std::vector<Word> item;
    size_t from = 0;  // Where the item begins in `text`.
    const auto close = [&](size_t to) {
      if (item.empty()) return;
      WordReader reader(scenario_.file, std::move(item), number);
      Expected expected = ReadExpected(reader);
      if (status_.ok()) status_ = reader.status();
      expected.line = number;
      expected.text = Trimmed(text.substr(from, to - from));
      expected.comments = std::exchange(comments_, {});
      step.then.push_back(std::move(expected));
      item.clear();
    };
    size_t at = 0;
    for (Word& word : words) {
      if (word.text != ";" || word.quoted) {
        item.push_back(std::move(word));
        continue;
      }
      // Finds the next ';' outside quotes.
      bool quoted = false;
      for (; at < text.size() && (text[at] != ';' || quoted); ++at) {
        if (text[at] == '"') quoted = !quoted;
      }
      close(at);
      from = ++at;
    }
    close(text.size());
    if (!step.then.empty() && remark < line.size())
      step.then.back().remark = std::string(Trimmed(std::string_view(line).substr(remark)));
  }

  const LoadAgreementVersion& load_;
  Scenario scenario_;
  absl::Status status_;
  std::optional<Entry> entry_;
  std::vector<std::string> comments_;
  Background background_, here_;
};

}  // namespace

absl::StatusOr<Scenario> ReadScenario(std::string_view file, std::string_view text,
                                      const LoadAgreementVersion& load) {
  return Reader(file, text, load).Run();
}

}  // namespace capbroker
