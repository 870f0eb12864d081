// Text tables for terminals and grep: two spaces between columns, one line per row, no wrapping.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace capbroker {

class Table {
 public:
  // Column titles. A title that begins with '>' aligns its column to the right, for figures.
  explicit Table(std::vector<std::string> titles);

  // One cell per title. Empty cells are shown as "-" and control characters as spaces, so that
  // another party's text cannot move the cursor or forge a row.
  void Add(std::vector<std::string> cells);

  bool empty() const { return rows_.empty(); }
  // The table; if it has no rows, `nothing` on a line instead ("no offers").
  std::string Text(std::string_view nothing, std::string_view indent = "") const;

 private:
  std::vector<std::string> titles_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

// Replaces control characters in text from elsewhere.
std::string Printable(std::string_view text);

}  // namespace capbroker
