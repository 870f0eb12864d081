// How a task of a trace is asked for: the one place that maps its columns to the API.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/values/money.h"
#include "broker/values/time.h"
#include "capbroker/v1/capacity_request_service.pb.h"
#include "services/workload/trace.h"

namespace capbroker {

// What every request of a load has in common.
struct LoadShape {
  std::string owner;
  std::vector<std::string> alternatives;  // The fallback's order; empty: every registered provider.
  std::string run;  // Label "load-run"; with "load-task" it tells our requests from others.
  Instant zero;     // When the trace's second 0 is.
  std::string region = "us-east";
  Money unit_price;
  Span step_window;
};

inline constexpr char kRunLabel[] = "load-run";
inline constexpr char kTaskLabel[] = "load-task";

// num_gpu x gpu_milli of "gpu" in "gpu-milli", from creation to deletion after the shape's zero.
// gpu_spec becomes the condition "model=A|B". qos LS, Burstable and Guaranteed serve users:
// PRODUCT_INFERENCE, purpose unstated. BE is INTERNAL_BATCH for RESEARCH, the purpose that a waiver
// may lift a right for. A task of several GPUs may be divided, into parts of no less than one of
// its GPUs.
v1::CreateCapacityRequestRequest RequestFor(const TraceTask& task, size_t index,
                                            const LoadShape& shape);

}  // namespace capbroker
