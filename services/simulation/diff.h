// Two lists of lines side by side: what was expected, and what came.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace capbroker {

// One step of the way through both lists, in order. An index is -1 where the list has nothing
// there.
struct Aligned {
  int expected = -1;
  int actual = -1;
  bool same =
      false;  // They belong together, or `expected` stands for anything and takes `actual` in.
};

// The alignment with the fewest lines that differ. `is_any(i)`: expected line i stands for any
// lines, or none.
std::vector<Aligned> Align(int expected, int actual, const std::function<bool(int, int)>& same,
                           const std::function<bool(int)>& is_any);

struct DiffLine {
  char sign = ' ';  // ' ', '-' expected, '+' came.
  std::string text{};
};

// As `diff -u` writes it, with three lines around each difference; empty if nothing differs.
std::string UnifiedDiff(std::string_view expected_name, std::string_view actual_name,
                        const std::vector<DiffLine>& lines);

}  // namespace capbroker
