// Text in columns, for terminals and for grep: two spaces between columns, one line a row, nothing
// wrapped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace capbroker {

class Table {
 public:
  // Column titles. One that begins with '>' is of figures, aligned to the right.
  explicit Table(std::vector<std::string> titles);

  // As many cells as titles. Empty cells show as "-"; control characters as spaces, so that no text
  // of another party can move the cursor or forge a row.
  void Add(std::vector<std::string> cells);

  bool empty() const { return rows_.empty(); }
  // With the titles, unless there is no row: then `nothing` on a line ("no offers").
  std::string Text(std::string_view nothing, std::string_view indent = "") const;

 private:
  std::vector<std::string> titles_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

// Without control characters, for text that came from elsewhere.
std::string Printable(std::string_view text);

}  // namespace capbroker
