// Requests and machines that were real once, from CSV files: the columns of the GPU cluster traces
// that Alibaba publishes (cluster-trace-gpu-v2023). Columns are found by the names in the first
// line; others are passed over.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace capbroker {

// One task. Times are whole seconds from the trace's own zero.
struct TraceTask {
  std::string name{};
  int64_t num_gpu = 0;                // 1 or more.
  int64_t gpu_milli = 0;              // Of each GPU, 1 to 1000.
  std::vector<std::string> models{};  // Those that will do, each once; empty: any.
  std::string qos{};
  int64_t creation = 0;                                     // Inclusive.
  int64_t deletion = 0;                                     // Exclusive; after creation.
  int64_t Quantity() const { return num_gpu * gpu_milli; }  // In thousandths of a GPU.
};

struct Trace {
  std::vector<TraceTask> tasks{};  // By creation; equal ones as in the file.
  int64_t without_gpu = 0;         // Left out: there is nothing to ask for.
  int64_t lengthened = 0;  // Deleted in the second of their creation: taken as one second long.
};

// INVALID_ARGUMENT, naming `file`, line and column, what was got and what was wanted. Lines end in
// LF or CRLF.
absl::StatusOr<Trace> ParseTrace(std::string_view file, std::string_view text);

// A machine with `gpus` whole GPUs of one model; a machine without is left out, but keeps its place
// in the count.
struct TraceNode {
  std::string name{};
  int64_t index = 0;  // From 0, among all lines.
  int64_t gpus = 0;
  std::string model{};
};

absl::StatusOr<std::vector<TraceNode>> ParseNodes(std::string_view file, std::string_view text);

// "0,2/4": the nodes whose index leaves 0 or 2 when divided by 4.
struct NodeShare {
  int64_t modulus = 1;
  std::vector<int64_t> remainders{0};
  bool Has(int64_t index) const;
};
absl::StatusOr<NodeShare> ParseNodeShare(std::string_view text);

// What the nodes in the share have, by model, in thousandths of a GPU.
std::map<std::string, int64_t> Stock(const std::vector<TraceNode>& nodes, const NodeShare& share);

// INVALID_ARGUMENT if it cannot be read.
absl::StatusOr<std::string> ReadTextFile(const std::string& path);

}  // namespace capbroker
