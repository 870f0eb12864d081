// Unified diff of two lists of lines: expected and actual.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace capbroker {

// One step of an alignment, in order. An index is -1 if that list has no line here.
struct Aligned {
  int expected = -1;
  int actual = -1;
  bool same = false;  // Both lines match, or `expected` matches anything and absorbs `actual`.
};

// The alignment with the fewest differences. `is_any(i)`: expected line i matches any number of
// lines.
std::vector<Aligned> Align(int expected, int actual, const std::function<bool(int, int)>& same,
                           const std::function<bool(int)>& is_any);

struct DiffLine {
  char sign = ' ';  // ' ' both, '-' expected, '+' actual.
  std::string text{};
};

// In the format of `diff -u`, with three lines of context; empty if nothing differs.
std::string UnifiedDiff(std::string_view expected_name, std::string_view actual_name,
                        const std::vector<DiffLine>& lines);

}  // namespace capbroker
