// Maps a task of a trace to a capacity request: the only place that knows both.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/values/money.h"
#include "broker/values/time.h"
#include "capbroker/v1/capacity_request_service.pb.h"
#include "services/workload/trace.h"

namespace capbroker {

// What all requests of a load have in common.
struct LoadShape {
  std::string owner;
  // In the order of the fallback; empty: every registered provider.
  std::vector<std::string> alternatives;
  std::string run;  // Label "load-run"; with "load-task" it identifies this load's requests.
  Instant zero;     // The instant of the trace's second 0.
  std::string region = "us-east";
  Money unit_price;
  Span step_window;
};

inline constexpr char kRunLabel[] = "load-run";
inline constexpr char kTaskLabel[] = "load-task";

// Requests num_gpu x gpu_milli of "gpu" in "gpu-milli", from creation to deletion after the shape's
// zero. gpu_spec becomes the condition "model=A|B". The qos classes LS, Burstable and Guaranteed
// serve users: PRODUCT_INFERENCE, purpose unstated. BE becomes INTERNAL_BATCH for RESEARCH, a
// purpose for which a waiver may lift a right. A task of several GPUs may be split into parts of at
// least one of its GPUs.
v1::CreateCapacityRequestRequest RequestFor(const TraceTask& task, size_t index,
                                            const LoadShape& shape);

}  // namespace capbroker
