// Plays a story, and says where what was decided is not what was expected.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "services/simulation/story.h"

namespace capbroker {

struct Difference {
  int line = 0;        // Of the act, or of what could not be set up.
  std::string text{};  // In words; where decisions differ, a unified diff. Ends with a newline.
};

// Lines of the file that say what was expected, and what would have been right. `last` before
// `first`: to be put before `first`, nothing replaced.
struct Rewrite {
  int first = 0, last = 0;
  std::vector<std::string> lines{};
};

struct StoryResult {
  std::string name{};
  int line = 0;
  size_t steps = 0;         // That were played.
  std::vector<Act> acts{};  // What was given, too.
  std::vector<Asked> asked{};
  std::vector<Difference> differences{};
  std::vector<Rewrite> rewrites{};
  bool passed() const { return differences.empty(); }
};

enum class AfterDifference { kStop, kGoOn };

// A story ends at its first difference, since what follows would only follow from it; when
// expectations are to be rewritten it goes on. What was given and cannot be done always ends it.
StoryResult RunStory(std::string_view file, const Story& story, AfterDifference after);

// The file with the rewrites done.
std::string Rewritten(const Scenario& scenario, const std::vector<StoryResult>& results);

// The trail in words, one act after the other.
std::string TellTrail(const std::vector<Act>& acts);

}  // namespace capbroker
