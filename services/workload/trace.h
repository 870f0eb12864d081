// Traces of real requests and machines from CSV files, in the columns of Alibaba's GPU cluster
// traces (cluster-trace-gpu-v2023). Columns are found by their names in the first line; others are
// ignored.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace capbroker {

// One task. Times are whole seconds since the trace's own zero.
struct TraceTask {
  std::string name{};
  int64_t num_gpu = 0;                // 1 or more.
  int64_t gpu_milli = 0;              // Of each GPU, 1 to 1000.
  std::vector<std::string> models{};  // Admissible models, each once; empty: any.
  std::string qos{};
  int64_t creation = 0;                                     // Inclusive.
  int64_t deletion = 0;                                     // Exclusive; after creation.
  int64_t Quantity() const { return num_gpu * gpu_milli; }  // In thousandths of a GPU.
};

struct Trace {
  std::vector<TraceTask> tasks{};  // By creation; equal times in the order of the file.
  int64_t without_gpu = 0;         // Tasks that were left out because they want no GPU.
  int64_t lengthened = 0;  // Deleted in the second of their creation: treated as one second long.
};

// INVALID_ARGUMENT names `file`, line and column, what was got and what was wanted. Lines end in LF
// or CRLF.
absl::StatusOr<Trace> ParseTrace(std::string_view file, std::string_view text);

// A machine with `gpus` whole GPUs of one model. A machine without a GPU is left out, but counts
// for the index.
struct TraceNode {
  std::string name{};
  int64_t index = 0;  // From 0, among all lines.
  int64_t gpus = 0;
  std::string model{};
};

absl::StatusOr<std::vector<TraceNode>> ParseNodes(std::string_view file, std::string_view text);

// "0,2/4": the nodes whose index modulo 4 is 0 or 2.
struct NodeShare {
  int64_t modulus = 1;
  std::vector<int64_t> remainders{0};
  bool Has(int64_t index) const;
};
absl::StatusOr<NodeShare> ParseNodeShare(std::string_view text);

// GPUs of the nodes in the share, by model, in thousandths of a GPU.
std::map<std::string, int64_t> Stock(const std::vector<TraceNode>& nodes, const NodeShare& share);

}  // namespace capbroker
