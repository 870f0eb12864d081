// Runner of stories: plays a story and reports differences from its expectations.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "services/simulation/story.h"

namespace capbroker {

struct Difference {
  int line = 0;        // Of the act, or of the `given` that failed.
  std::string text{};  // In words, or as a unified diff. Ends with a newline.
};

// Lines of the file with expectations, and their replacement. `last` < `first`: insert before
// `first`.
struct Rewrite {
  int first = 0, last = 0;
  std::vector<std::string> lines{};
};

struct StoryResult {
  std::string name{};
  int line = 0;
  size_t steps = 0;         // Steps that were played.
  std::vector<Act> acts{};  // Including those of `given`.
  std::vector<Asked> asked{};
  std::vector<Difference> differences{};
  std::vector<Rewrite> rewrites{};
  bool passed() const { return differences.empty(); }
};

enum class AfterDifference { kStop, kGoOn };

// A story ends at its first difference, since later ones would only follow from it; when
// expectations are rewritten it goes on. A failing `given` always ends it.
StoryResult RunStory(std::string_view file, const Story& story, AfterDifference after);

// The file after the rewrites.
std::string Rewritten(const Scenario& scenario, const std::vector<StoryResult>& results);

// The acts of the trail in words.
std::string TellTrail(const std::vector<Act>& acts);

}  // namespace capbroker
