#include "services/simulation/run_story.h"

#include <algorithm>

#include "broker/trail/describe.h"
#include "broker/values/show.h"
#include "broker/values/text.h"
#include "services/simulation/diff.h"
#include "services/simulation/expect.h"

namespace capbroker {
namespace {

using What = Expected::What;

// A decision made during a step.
struct Made {
  const Act* act = nullptr;
  const Decision* decision = nullptr;
};

// Compares a step's decisions with its `then`: as lines of a diff, and as the lines that would
// match.
class Comparison {
 public:
  Comparison(const Step& step, const Stage& stage, const std::vector<Made>& made,
             const absl::Status& answer) {
    CompareRefusal(step, answer);
    CompareDecisions(step, stage, made);
    CompareStates(step, stage);
  }

  std::vector<DiffLine> lines{};
  std::vector<std::string> right{};

  bool differs() const {
    return std::any_of(lines.begin(), lines.end(),
                       [](const DiffLine& line) { return line.sign != ' '; });
  }

 private:
  void Keep(const Expected& item) {
    lines.push_back({' ', item.text});
    right.insert(right.end(), item.comments.begin(), item.comments.end());
    right.push_back(Cat(right_prefix(), item.text, item.remark.empty() ? "" : "  ", item.remark));
  }
  void Put(const std::string& text, const std::string& shown) {
    lines.push_back({'+', shown});
    right.push_back(Cat(right_prefix(), text));
  }
  void Drop(const Expected& item) { lines.push_back({'-', item.text}); }
  std::string_view right_prefix() {
    const bool first = !began_;
    began_ = true;
    return first ? "then  " : "      ";
  }

  void CompareRefusal(const Step& step, const absl::Status& answer) {
    bool told = false;
    for (const Expected& item : step.then) {
      if (item.what != What::kRefusal) continue;
      if (!told && Holds(item.refusal, answer)) {
        Keep(item);
        told = true;
      } else {
        Drop(item);
      }
    }
    if (!answer.ok() && !told) {
      const std::string refusal = WriteRefusal(answer);
      Put(refusal, Cat(refusal, "  (", View(answer.message()), ")"));
    }
  }

  void CompareDecisions(const Step& step, const Stage& stage, const std::vector<Made>& made) {
    std::vector<const Expected*> items;
    for (const Expected& item : step.then) {
      if (item.what == What::kDecision || item.what == What::kAnything) items.push_back(&item);
      if (item.what == What::kNothing) (made.empty() ? Keep(item) : Drop(item));
    }
    const auto is_any = [&](int i) {
      return items[static_cast<size_t>(i)]->what == What::kAnything;
    };
    const auto same = [&](int i, int j) {
      const Expected& item = *items[static_cast<size_t>(i)];
      const Made& one = made[static_cast<size_t>(j)];
      return item.what == What::kDecision && Holds(item.decision, *one.decision, *one.act, stage);
    };
    int any_told = -1;
    for (const Aligned& pair :
         Align(static_cast<int>(items.size()), static_cast<int>(made.size()), same, is_any)) {
      const Made* one = pair.actual < 0 ? nullptr : &made[static_cast<size_t>(pair.actual)];
      if (pair.same && is_any(pair.expected)) {
        if (pair.expected != any_told) Keep(*items[static_cast<size_t>(pair.expected)]);
        any_told = pair.expected;
      } else if (pair.same) {
        Keep(*items[static_cast<size_t>(pair.expected)]);
      } else if (one == nullptr) {
        Drop(*items[static_cast<size_t>(pair.expected)]);
      } else {
        const std::string text = WriteDecision(*one->decision, *one->act);
        Put(text, text);
      }
    }
  }

  void CompareStates(const Step& step, const Stage& stage) {
    for (const Expected& item : step.then) {
      if (item.what != What::kState) continue;
      const absl::StatusOr<std::string> got = item.state.got(stage);
      if (got.ok() && *got == item.state.want) {
        Keep(item);
        continue;
      }
      Drop(item);
      const std::string text =
          Cat(item.state.subject, " ",
              got.ok() ? std::string_view(*got) : View(got.status().message()));
      if (got.ok()) {
        Put(text, text);
      } else {
        lines.push_back({'+', text});
      }
    }
  }

  bool began_ = false;
};

class Play {
 public:
  Play(std::string_view file, const Story& story, AfterDifference after)
      : file_(file), story_(story), after_(after), stage_(story.clock) {
    result_.name = story.name;
    result_.line = story.line;
  }

  StoryResult Run() {
    if (SetUp()) {
      for (const Step& step : story_.steps) {
        if (!RunStep(step)) break;
      }
    }
    result_.acts = stage_.world.acts();
    result_.asked = stage_.world.asked();
    return std::move(result_);
  }

 private:
  void Fail(int line, std::string_view problem) {
    result_.differences.push_back(
        {line, Cat(file_, ":", line, ": ", problem, problem.ends_with('\n') ? "" : "\n")});
  }

  bool SetUp() {
    for (const Setting& setting : story_.settings) {
      absl::StatusOr<Command> command = setting.command(stage_);
      const absl::Status status = command.ok() ? stage_.world.Do(*command) : command.status();
      if (status.ok()) continue;
      Fail(setting.line, View(status.message()));
      return false;
    }
    return true;
  }

  // Moves the clock as the step says. The status describes what is wrong.
  absl::Status Move(const Step& step) {
    World& world = stage_.world;
    if (step.after > Span{}) return world.MoveTo(world.now() + step.after);
    if (step.to_next_deadline) {
      const Instant next = world.NextDeadline();
      if (next >= kLastInstant)
        return absl::InternalError("got \"the deadline passes\", want a deadline to pass");
      return world.MoveTo(next + Span{1});
    }
    const Instant from = step.until.IsSet() ? step.until : step.away_from;
    if (from.IsSet() && from < world.now()) {
      return absl::InternalError(Cat("got ", ShowTime(from), ", want a time from ",
                                     ShowTime(world.now()), ", the story's clock"));
    }
    if (step.until.IsSet()) return world.MoveTo(step.until);
    if (step.away_from.IsSet()) {
      if (step.away_to < step.away_from)
        return absl::InternalError("the broker is back before it is away");
      return world.BeAway(step.away_from, step.away_to);
    }
    return absl::OkStatus();
  }

  // Returns false if the story ends here.
  bool RunStep(const Step& step) {
    ++result_.steps;
    const size_t before = stage_.world.acts().size();
    if (absl::Status status = Move(step); !status.ok()) {
      Fail(step.line, View(status.message()));
      return false;
    }
    absl::Status answer;
    if (step.command != nullptr) {
      const absl::StatusOr<Command> command = step.command(stage_);
      if (!command.ok()) {
        Fail(step.line, View(command.status().message()));
        return false;
      }
      answer = stage_.world.Do(*command);
    }
    if (answer.code() == absl::StatusCode::kInternal) {
      Fail(step.line, View(answer.message()));
      return false;
    }
    std::vector<Made> made;
    const std::vector<Act>& acts = stage_.world.acts();
    for (size_t i = before; i < acts.size(); ++i) {
      for (const Decision& decision : acts[i].decisions) made.push_back({&acts[i], &decision});
    }
    const Comparison comparison(step, stage_, made, answer);
    if (!comparison.differs()) return true;
    const int expected_at = step.then_first == 0 ? step.line : step.then_first;
    Fail(step.line,
         Cat("story \"", story_.name, "\": decided otherwise than expected\n",
             UnifiedDiff(Cat(file_, ":", expected_at, " expected"), "decided", comparison.lines)));
    const bool none = step.then_first == 0;
    result_.rewrites.push_back({none ? step.last_line + 1 : step.then_first,
                                none ? step.last_line : step.then_last, comparison.right});
    return after_ == AfterDifference::kGoOn;
  }

  const std::string_view file_;
  const Story& story_;
  const AfterDifference after_;
  Stage stage_;
  StoryResult result_;
};

}  // namespace

StoryResult RunStory(std::string_view file, const Story& story, AfterDifference after) {
  return Play(file, story, after).Run();
}

std::string Rewritten(const Scenario& scenario, const std::vector<StoryResult>& results) {
  std::vector<const Rewrite*> rewrites;
  for (const StoryResult& result : results) {
    for (const Rewrite& rewrite : result.rewrites) rewrites.push_back(&rewrite);
  }
  std::sort(rewrites.begin(), rewrites.end(),
            [](const auto* a, const auto* b) { return a->first < b->first; });
  std::string out;
  auto next = rewrites.begin();
  for (int line = 1; line <= static_cast<int>(scenario.lines.size()) + 1; ++line) {
    int skip_to = line;
    if (next != rewrites.end() && (*next)->first == line) {
      for (const std::string& right : (*next)->lines) out += right + "\n";
      skip_to = (*next)->last + 1;
      ++next;
    }
    if (skip_to > line) {
      line = skip_to - 1;
      continue;
    }
    if (line <= static_cast<int>(scenario.lines.size()))
      out += scenario.lines[static_cast<size_t>(line) - 1] + "\n";
  }
  return out;
}

std::string TellTrail(const std::vector<Act>& acts) {
  std::string out;
  for (const Act& act : acts) {
    out += Cat(ShowTime(act.time), "  ", Format(act.actor), "\n");
    for (const Decision& decision : act.decisions) {
      out += Cat("    ", NameOf(decision.kind),
                 std::string(std::max<size_t>(28 - NameOf(decision.kind).size(), 1), ' '),
                 Describe(decision), "\n");
    }
  }
  return out;
}

}  // namespace capbroker
