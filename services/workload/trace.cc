#include "services/workload/trace.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "broker/values/text.h"

namespace capbroker {
namespace {

constexpr int64_t kMostSeconds = 100LL * 365 * 86400;

// Reads a CSV file line by line; errors name the place.
class CsvReader {
 public:
  CsvReader(std::string_view file, std::string_view text) : file_(file), rest_(text) {
    static constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
    if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
  }

  // Reads the first line, which must have all `columns`.
  absl::Status ReadHeader(const std::vector<std::string_view>& columns) {
    if (!NextLine())
      return Wrong("", "an empty file", "a first line with the names of the columns");
    const std::vector<std::string_view> names = Split(line_, ',');
    for (std::string_view column : columns) {
      const auto found = std::find(names.begin(), names.end(), column);
      if (found == names.end())
        return Wrong("", Cat("'", line_, "'"), Cat("a column '", column, "'"));
      if (std::find(std::next(found), names.end(), column) != names.end()) {
        return Wrong("", Cat("'", line_, "'"), Cat("one column '", column, "'"));
      }
      places_.emplace_back(column, found - names.begin());
    }
    width_ = names.size();
    return absl::OkStatus();
  }

  // Advances to the next line that is not empty. False at the end of the file.
  absl::StatusOr<bool> Next() {
    do {
      if (!NextLine()) return false;
    } while (line_.empty());
    if (line_.find('"') != std::string_view::npos)
      return Wrong("", "a quotation mark", "plain values between commas");
    cells_ = Split(line_, ',');
    if (cells_.size() != width_) {
      return Wrong("", Cat(cells_.size(), " values"), Cat(width_, ", as in the first line"));
    }
    return true;
  }

  std::string_view Text(std::string_view column) const {
    for (const auto& [name, place] : places_) {
      if (name == column) return cells_[place];
    }
    return {};
  }

  absl::StatusOr<int64_t> Number(std::string_view column, int64_t least, int64_t most) const {
    const auto value = ParseNumber<int64_t>(Text(column));
    if (!value || *value < least || *value > most) {
      return Wrong(column, Cat("'", Text(column), "'"),
                   Cat("a whole number from ", least, " to ", most));
    }
    return *value;
  }

  // One or more printable characters.
  absl::StatusOr<std::string> Word(std::string_view column) const {
    const std::string_view text = Text(column);
    const bool printable =
        std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (text.empty() || text.size() > 63 || !printable) {
      return Wrong(column, Cat("'", text, "'"), "1 to 63 printable characters");
    }
    return std::string(text);
  }

  absl::Status Wrong(std::string_view column, std::string_view got, std::string_view want) const {
    return absl::InvalidArgumentError(Cat(file_, ", line ", number_,
                                          column.empty() ? "" : ", column ", column, ": got ", got,
                                          ", want ", want));
  }

 private:
  bool NextLine() {
    ++number_;
    if (rest_.empty()) return false;
    // LF, CR LF, or CR alone ends a line.
    const size_t end = rest_.find_first_of("\r\n");
    line_ = rest_.substr(0, end);
    rest_.remove_prefix(std::min(rest_.size(), line_.size()));
    rest_.remove_prefix(rest_.starts_with("\r\n") ? 2 : rest_.empty() ? 0 : 1);
    return true;
  }

  const std::string_view file_;
  std::string_view rest_, line_;
  int64_t number_ = 0;
  size_t width_ = 0;
  std::vector<std::pair<std::string_view, size_t>> places_;
  std::vector<std::string_view> cells_;
};

bool IsModel(std::string_view text) {
  return !text.empty() && text.size() <= 63 && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
  });
}

// The task on the current line. For a task without a GPU, num_gpu is 0 and the rest is not read.
absl::StatusOr<TraceTask> ReadTask(const CsvReader& table) {
  TraceTask task;
  absl::Status bad;
  const auto number = [&](std::string_view column, int64_t least, int64_t most) -> int64_t {
    const absl::StatusOr<int64_t> value = table.Number(column, least, most);
    bad.Update(value.status());
    return value.ok() ? *value : 0;
  };
  task.num_gpu = number("num_gpu", 0, 1'000'000);
  if (!bad.ok() || task.num_gpu == 0) return bad.ok() ? absl::StatusOr<TraceTask>(task) : bad;
  task.gpu_milli = number("gpu_milli", 1, 1000);
  task.creation = number("creation_time", 0, kMostSeconds);
  task.deletion = number("deletion_time", 0, kMostSeconds);
  const absl::StatusOr<std::string> name = table.Word("name"), qos = table.Word("qos");
  bad.Update(name.status());
  bad.Update(qos.status());
  if (!bad.ok()) return bad;
  if (task.deletion < task.creation) {
    return table.Wrong("deletion_time", Cat("'", task.deletion, "'"),
                       Cat("at least creation_time, ", task.creation));
  }
  task.name = *name;
  task.qos = *qos;
  const std::string_view spec = table.Text("gpu_spec");
  for (std::string_view model : spec.empty() ? std::vector<std::string_view>() : Split(spec, '|')) {
    if (!IsModel(model))
      return table.Wrong("gpu_spec", Cat("'", spec, "'"), "models between '|', or nothing");
    if (std::find(task.models.begin(), task.models.end(), model) == task.models.end())
      task.models.emplace_back(model);
  }
  return task;
}

}  // namespace

absl::StatusOr<Trace> ParseTrace(std::string_view file, std::string_view text) {
  CsvReader table(file, text);
  if (absl::Status s = table.ReadHeader(
          {"name", "num_gpu", "gpu_milli", "gpu_spec", "qos", "creation_time", "deletion_time"});
      !s.ok()) {
    return s;
  }
  Trace trace;
  for (;;) {
    const absl::StatusOr<bool> more = table.Next();
    if (!more.ok()) return more.status();
    if (!*more) break;
    absl::StatusOr<TraceTask> task = ReadTask(table);
    if (!task.ok()) return task.status();
    if (task->num_gpu == 0) {
      ++trace.without_gpu;
      continue;
    }
    if (task->deletion == task->creation) {
      ++task->deletion;
      ++trace.lengthened;
    }
    trace.tasks.push_back(*std::move(task));
  }
  if (trace.tasks.empty()) {
    return table.Wrong("", Cat(trace.without_gpu, " tasks without a GPU and none with one"),
                       "at least one task with num_gpu above 0");
  }
  std::stable_sort(trace.tasks.begin(), trace.tasks.end(),
                   [](const TraceTask& a, const TraceTask& b) { return a.creation < b.creation; });
  return trace;
}

absl::StatusOr<std::vector<TraceNode>> ParseNodes(std::string_view file, std::string_view text) {
  CsvReader table(file, text);
  if (absl::Status s = table.ReadHeader({"sn", "gpu", "model"}); !s.ok()) return s;
  std::vector<TraceNode> nodes;
  for (int64_t index = 0;; ++index) {
    const absl::StatusOr<bool> more = table.Next();
    if (!more.ok()) return more.status();
    if (!*more && nodes.empty()) return table.Wrong("", "no machine with a GPU", "at least one");
    if (!*more) return nodes;
    const absl::StatusOr<int64_t> gpus = table.Number("gpu", 0, 1'000'000);
    if (!gpus.ok()) return gpus.status();
    if (*gpus == 0) continue;
    absl::StatusOr<std::string> name = table.Word("sn");
    if (!name.ok()) return name.status();
    const std::string_view model = table.Text("model");
    if (!IsModel(model))
      return table.Wrong("model", Cat("'", model, "'"), "letters, digits, '-' and '_'");
    nodes.push_back({*std::move(name), index, *gpus, std::string(model)});
  }
}

bool NodeShare::Has(int64_t index) const {
  return std::find(remainders.begin(), remainders.end(), index % modulus) != remainders.end();
}

absl::StatusOr<NodeShare> ParseNodeShare(std::string_view text) {
  const size_t slash = text.find('/');
  const auto modulus =
      slash == std::string_view::npos ? std::nullopt : ParseNumber<int64_t>(text.substr(slash + 1));
  NodeShare share{modulus.value_or(0), {}};
  bool good = share.modulus > 0;
  for (std::string_view part : Split(text.substr(0, slash), ',')) {
    const auto remainder = ParseNumber<int64_t>(part);
    good = good && remainder && *remainder >= 0 && *remainder < share.modulus;
    share.remainders.push_back(remainder.value_or(0));
  }
  if (good) return share;
  return absl::InvalidArgumentError(Cat(
      "--share: got '", text, "', want remainders and a divisor above them, such as 1/4 or 0,2/4"));
}

std::map<std::string, int64_t> Stock(const std::vector<TraceNode>& nodes, const NodeShare& share) {
  std::map<std::string, int64_t> stock;
  for (const TraceNode& node : nodes) {
    if (share.Has(node.index)) stock[node.model] += node.gpus * 1000;
  }
  return stock;
}

}  // namespace capbroker
