#include "services/simulation/diff.h"

#include <algorithm>

#include "broker/values/text.h"

namespace capbroker {

std::vector<Aligned> Align(int expected, int actual, const std::function<bool(int, int)>& same,
                           const std::function<bool(int)>& is_any) {
  // cost[i][j]: the number of differences from expected line i and actual line j on.
  const auto width = static_cast<size_t>(actual) + 1;
  std::vector<int> cost((static_cast<size_t>(expected) + 1) * width, 0);
  const auto at = [&](int i, int j) -> int& {
    return cost[static_cast<size_t>(i) * width + static_cast<size_t>(j)];
  };
  constexpr int kNever = 1 << 29;
  // Whether the lines match; else one is skipped on either side.
  const auto together = [&](int i, int j) {
    return i < expected && j < actual && same(i, j) ? at(i + 1, j + 1) : kNever;
  };
  const auto without = [&](int i, int j) {
    return i < expected ? at(i + 1, j) + (is_any(i) ? 0 : 1) : kNever;
  };
  const auto beyond = [&](int i, int j) {
    return j < actual ? at(i, j + 1) + (i < expected && is_any(i) ? 0 : 1) : kNever;
  };
  for (int i = expected; i >= 0; --i) {
    for (int j = actual; j >= 0; --j) {
      if (i == expected && j == actual) continue;
      at(i, j) = std::min({together(i, j), without(i, j), beyond(i, j)});
    }
  }
  std::vector<Aligned> out;
  for (int i = 0, j = 0; i < expected || j < actual;) {
    const bool any = i < expected && is_any(i);
    if (at(i, j) == together(i, j)) {
      out.push_back({i++, j++, true});
    } else if (at(i, j) == without(i, j) && !(any && at(i, j) == beyond(i, j))) {
      out.push_back({i++, -1, any});
    } else {
      out.push_back({any ? i : -1, j++, any});
    }
  }
  return out;
}

std::string UnifiedDiff(std::string_view expected_name, std::string_view actual_name,
                        const std::vector<DiffLine>& lines) {
  constexpr size_t kAround = 3;
  std::vector<bool> shown(lines.size(), false);
  bool differs = false;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].sign == ' ') continue;
    differs = true;
    for (size_t j = i - std::min(i, kAround); j < std::min(lines.size(), i + kAround + 1); ++j)
      shown[j] = true;
  }
  if (!differs) return "";
  std::string out = Cat("--- ", expected_name, "\n+++ ", actual_name, "\n");
  size_t before = 0, after = 0;  // Lines of each side before the current one.
  for (size_t i = 0; i < lines.size();) {
    size_t end = i;
    while (end < lines.size() && shown[end] == shown[i]) ++end;
    size_t minus = 0, plus = 0;
    std::string hunk;
    for (size_t j = i; j < end; ++j) {
      minus += lines[j].sign != '+' ? 1 : 0;
      plus += lines[j].sign != '-' ? 1 : 0;
      hunk += Cat(std::string(1, lines[j].sign), lines[j].text, "\n");
    }
    if (shown[i]) {
      out += Cat("@@ -", before + (minus > 0 ? 1 : 0), ",", minus, " +", after + (plus > 0 ? 1 : 0),
                 ",", plus, " @@\n", hunk);
    }
    before += minus;
    after += plus;
    i = end;
  }
  return out;
}

}  // namespace capbroker
