#include "services/workload/load_request.h"

#include "broker/values/text.h"
#include "services/client/proto_values.h"

namespace capbroker {
v1::CreateCapacityRequestRequest RequestFor(const TraceTask& task, size_t index,
                                            const LoadShape& shape) {
  v1::CreateCapacityRequestRequest out;
  out.set_parent(Cat("owners/", shape.owner));
  out.set_request_id(Cat("load-", shape.run, "-", index));
  v1::CapacityRequest& request = *out.mutable_capacity_request();
  (*request.mutable_labels())[kRunLabel] = shape.run;
  (*request.mutable_labels())[kTaskLabel] = std::to_string(index);
  (*request.mutable_labels())["name"] = task.name;

  v1::Segment& segment = *request.add_segments();
  const bool batch = task.qos == "BE";
  segment.set_workload_class(batch ? "INTERNAL_BATCH" : "PRODUCT_INFERENCE");
  if (batch) segment.set_purpose("RESEARCH");
  segment.set_quantity(task.Quantity());

  v1::Terms& terms = *request.mutable_terms();
  terms.set_resource_type("gpu");
  terms.set_region(shape.region);
  terms.set_quantity(task.Quantity());
  terms.set_unit("gpu-milli");
  ToProto(shape.zero + Seconds(task.creation), terms.mutable_start_time());
  ToProto(shape.zero + Seconds(task.deletion), terms.mutable_end_time());
  ToProto(shape.unit_price, terms.mutable_unit_price());
  if (!task.models.empty()) {
    std::string models;
    for (const std::string& model : task.models)
      models += Cat(models.empty() ? "model=" : "|", model);
    terms.add_conditions(models);
  }
  if (task.num_gpu > 1) {
    request.set_splittable(true);
    request.set_smallest_useful_quantity(task.gpu_milli);
  }
  if (!shape.alternatives.empty() || shape.step_window > Span{}) {
    v1::FallbackPolicy& policy = *request.mutable_fallback_policy();
    policy.set_kind(v1::FallbackPolicy::KIND_SEQUENTIAL);
    for (const std::string& provider : shape.alternatives)
      policy.add_providers(Cat("providers/", provider));
    if (shape.step_window > Span{}) ToProto(shape.step_window, policy.mutable_step_window());
  }
  return out;
}

}  // namespace capbroker
